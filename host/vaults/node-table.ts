/**
 * The table of a running node, for commands. They read from the node's etcd through its socket, and
 * write through the node. Import it only for nodes, because loading gRPC takes a third of the time
 * in which a program starts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Guard,
  type Judged,
  NotSent,
  type RestorableTable,
} from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd } from '../etcd/etcd-client.ts';
import { createEtcdTable } from '../etcd/etcd-table.ts';
import { missingWrites } from '../node/comparing.ts';
import { memberAddress } from '../node/member.ts';
import { askStatus, writeThroughNode } from '../node/node-socket.ts';

const statusMs = 5_000;
/**
 * The time limit of one write through a node, which is longer than the node needs for an answer.
 */
const writeMs = 12_000;
/**
 * How long a write is retried. A node may be unavailable for some seconds, while a new leader is
 * elected or etcd hashes a large copy.
 */
const patienceMs = 20_000;
const waitMs = 500;

/**
 * Throws a user-facing error if the data of the node in the folder must not be used: it differs
 * from that of nodes that serve, acknowledged writes are missing, or the node does not answer. If
 * no node serves and their data only differs, nobody knows which is wrong, so the data may be used.
 */
export const requireSound = async (folder: string): Promise<void> => {
  const { node, nodes } = await askStatus(folder, statusMs).catch((cause) => {
    throw failure(
      'the node does not answer: use another node. If the others are lost, stop this node and run this again',
      { cause },
    );
  });
  const own = nodes.find((one) => one.node === node);
  const serving = nodes.find(({ alive, state }) => alive && state === 'serving');
  if (own?.state !== 'diverged') return;
  const sentence = `node ${node} is diverged: ${own.reason}`;
  if (serving !== undefined)
    throw failure(`${sentence}; use another node, such as node ${serving.node}`);
  // A backup through this node would lack the missing writes, and the key that a snapshot puts
  // would be one more write on top of wrong data.
  if (own.reason?.startsWith(missingWrites)) {
    throw failure(
      `${sentence}: stop all nodes, and back up the one that has them, alone (docs/runbook.md, diverged)`,
    );
  }
};

/** Opens the table of the node that runs in the folder. Throws like `requireSound`. */
export const openNodeTable = async (folder: string): Promise<RestorableTable> => {
  await requireSound(folder);
  const write = (guards: readonly Guard[]) => writeThroughNode(folder, guards, writeMs);
  return createEtcdTable(connectEtcd(memberAddress(folder)), {
    write,
    writeAgain: (guards) => untilWritten(() => write(guards)),
  });
};

/**
 * Makes a write that may safely be repeated, again and again until it succeeds. Gives up after
 * `patienceMs` and throws an error with the message of the last refusal. A failure is thrown at
 * once.
 */
const untilWritten = async (
  write: () => Promise<'written' | readonly Judged[]>,
): Promise<'written' | readonly Judged[]> => {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      const said = error instanceof NotSent ? (error.cause ?? error) : error;
      if (isFailure(error)) throw error;
      if (performance.now() > until) throw new Error(sentenceOf(said), { cause: error });
      await sleep(waitMs);
    }
  }
};

/**
 * The table of a node that runs on a folder, for commands: they read the node's etcd by its socket, and write through the
 * node. Imported only for a node, because gRPC takes a third of the time in which a program starts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Guard, type Judged, NotSent, type Table } from '../../functions/store/ports.ts';
import { failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { connectEtcd } from '../etcd/etcd-client.ts';
import { createEtcdTable } from '../etcd/etcd-table.ts';
import { missingWrites } from '../node/comparing.ts';
import { memberAddress } from '../node/member.ts';
import { askStatus, writeThroughNode } from '../node/node-socket.ts';
import type { NodeStatus } from '../node/report.ts';
import type { RunningVault } from './vault-records.ts';

const statusMs = 5_000;
/** Longer than the node takes to answer what it knows. */
const writeMs = 12_000;
/** A node is away for seconds now and then: another one becomes leader, or etcd hashes a large copy. */
const patienceMs = 20_000;
const waitMs = 500;

/** A node of 1.0.0 has the URL of its front in its record, and no socket for commands. */
type RunningNode = Pick<RunningVault, 'dynamodbEndpoint'>;

const statusOf = async (
  folder: string,
  { dynamodbEndpoint: front }: RunningNode,
): Promise<NodeStatus> => {
  if (front === undefined) return await askStatus(folder, statusMs);
  const signal = AbortSignal.timeout(statusMs);
  return JSON.parse(await (await fetch(`${front}/status`, { signal })).text());
};

/**
 * Throws a sentence if the data of the node that runs in the folder differ from those of nodes that serve, because then
 * they are wrong, if acknowledged writes are missing there, or if it does not answer. If no node serves and their data
 * only differ, nobody knows which are wrong.
 */
export const requireSound = async (folder: string, running: RunningNode): Promise<void> => {
  const { node, nodes } = await statusOf(folder, running).catch((cause) => {
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
  // A copy would lack these writes, and the key of a snapshot is one more write on top of the wrong ones.
  if (own.reason?.startsWith(missingWrites)) {
    throw failure(
      `${sentence}: stop all nodes, and back up the one that has them, alone (docs/runbook.md, diverged)`,
    );
  }
};

/** Opens the table of the node that runs in the folder. Throws a sentence as `requireSound` does. */
export const openNodeTable = async (folder: string, running: RunningNode): Promise<Table> => {
  await requireSound(folder, running);
  const write = async (guards: readonly Guard[]) => {
    if (running.dynamodbEndpoint === undefined) {
      return await writeThroughNode(folder, guards, writeMs);
    }
    throw failure('the node runs an older release: write with the commands of that release');
  };
  return createEtcdTable(connectEtcd(memberAddress(folder)), {
    write,
    writeAgain: (guards) => untilWritten(() => write(guards)),
  });
};

/** Repeats a write that changes nothing when it is repeated. Throws the sentence of the last refusal. */
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

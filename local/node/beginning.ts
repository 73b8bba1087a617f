/**
 * How a node comes from its start to its service: it finds out whether its files are the latest, starts its etcd, waits
 * for a majority, and lets the others write its start down.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EtcdClient } from '../etcd/etcd-client.ts';
import type { Exchange } from './exchange.ts';
import { decideStart, type JoiningOptions } from './joining.ts';
import type { MemberOptions } from './member.ts';
import { askForMember } from './replacing.ts';
import type { NodeState } from './state.ts';

export type BeginningOptions = Omit<JoiningOptions, 'waitFor'> & {
  readonly state: NodeState;
  readonly etcd: Pick<EtcdClient, 'range'>;
  readonly exchange: Pick<Exchange, 'announce'>;
  /** Starts etcd. `lost`: why the files that are there must not be used. */
  readonly startMember: (
    askForMember: MemberOptions['askForMember'],
    lost: string | undefined,
  ) => Promise<void>;
};

const readMs = 2_000;
const retryMs = 100;

/** Resolves when etcd answers a linearizable read, so that a majority of the members is there. */
const untilRead = async ({ etcd, signal }: BeginningOptions): Promise<void> => {
  while (!signal.aborted) {
    const read = etcd.range({ key: Buffer.from('table/') }, performance.now() + readMs);
    if ((await read.catch(() => undefined)) !== undefined) return;
    await sleep(retryMs, undefined, { signal });
  }
};

/** Asks the other nodes for a new member until one gives it. */
const askOthers =
  ({ config, ask, state, signal }: BeginningOptions): MemberOptions['askForMember'] =>
  async (why) => {
    state.change('joining', why);
    const others = config.nodes.map(({ node }) => node).filter((node) => node !== config.node);
    const onRefused = (refused: string) =>
      state.change('joining', `${why}; it has no new member yet: ${refused}`);
    return (await askForMember({ node: config.node, ask, others, onRefused, signal })).cluster;
  };

/** Returns when the node may look at its etcd, or the signal aborts. Throws a failure if the node cannot go on. */
export const begin = async (options: BeginningOptions): Promise<void> => {
  const { record, exchange, state, startMember, signal } = options;
  /** Lets the others write this start down. */
  const enterCluster = async (): Promise<void> => {
    await record.enterCluster();
    await exchange.announce();
  };
  const waitFor = (why: string) => state.change('waiting', why);
  const lost = await decideStart({ ...options, waitFor });
  // From its first moment etcd acknowledges entries, so the others must know of this start before.
  const isKnown = lost === undefined && record.isMember();
  if (isKnown) await enterCluster();
  if (signal.aborted) return;
  await startMember(askOthers(options), lost);
  state.change('catching-up', 'it waits for a majority of the nodes');
  await untilRead(options);
  if (!isKnown) await enterCluster();
};

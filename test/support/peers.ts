/** Nodes that speak with each other without a network. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { NodeConfig } from '../../local/replica/config.ts';
import type { NodeMemory } from '../../local/replica/memory.ts';
import type { AskPeer } from '../../local/replica/peers.ts';
import type { NodeReport } from '../../local/replica/report.ts';

export const configOf = (node: number, count = 3): NodeConfig => ({
  node,
  nodes: Array.from({ length: count }, (_, index) => ({
    node: index + 1,
    host: '127.0.0.1',
    etcdPort: 1,
    peerPort: 2,
  })),
  peerHost: '127.0.0.1',
  peerProxy: undefined,
  frontProxy: undefined,
  clusterFile: '',
  logKept: 20_000,
});

export const reportOf = (node: number, more: Partial<NodeReport> = {}): NodeReport => ({
  node,
  alive: true,
  state: 'serving',
  reason: null,
  leader: false,
  appliedRevision: 0,
  lag: 0,
  digest: '',
  content: null,
  start: 1,
  store: 'dynoxide 1.2.1',
  conceded: false,
  member: false,
  heard: {},
  ...more,
});

/** What each node answers; `undefined`, as of a node that is not there: none. */
export const askOf =
  (
    answer: (node: number, path: string, body: string) => Promise<string> | string | undefined,
  ): AskPeer =>
  async (node, _, path, { body = '' }) => {
    const text = await answer(node, path, body);
    if (text === undefined) throw new Error(`node ${node} is not there`);
    return Readable.from([Buffer.from(text)]) as unknown as IncomingMessage;
  };

/** A memory that no file keeps. */
export const memoryOf = (start = 1): NodeMemory => {
  let count = start;
  let heard: ReturnType<NodeMemory['heard']> = {};
  let diverged: string | undefined;
  let undecided: ReturnType<NodeMemory['undecided']>;
  return {
    start: () => count,
    startAfter: (other) => {
      count = Math.max(count, other + 1);
    },
    isMember: () => false,
    enterLog: async () => undefined,
    heard: () => heard,
    hear: async (node, said) => {
      heard = { ...heard, [node]: said };
    },
    forget: async () => undefined,
    diverged: () => diverged,
    undecided: () => undecided,
    setDiverged: async (reason, differences) => {
      diverged = reason;
      undecided = differences;
    },
    setEqual: async () => {
      diverged = undefined;
      undecided = undefined;
    },
  };
};

/**
 * Three nodes that run in the process of a test, each with its own etcd, whose files the test may
 * damage.
 */
import { rmSync } from 'node:fs';
import type { Item } from '../../functions/store/items.ts';
import { startNode, type VaultNode } from '../../host/node/node.ts';
import { freshCertificates } from '../support/certificates.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { freshFolder } from '../support/local-process.ts';
import { configOf } from '../support/nodes.ts';
import { requestContext } from '../support/requests.ts';
import { patienceMs, untilSeen } from '../support/until.ts';

export const trioNumbers = [1, 2, 3] as const;

type Shown = ReturnType<VaultNode['status']>['nodes'][number];

export type Trio = {
  readonly folderOf: (node: number) => string;
  readonly start: (node: number) => Promise<void>;
  readonly end: (node: number) => Promise<void>;
  /** Ends the node, deletes its folder and starts it. */
  readonly wipe: (node: number) => Promise<void>;
  /** Returns the status of a node as the node itself reports it; `undefined` if it is down. */
  readonly own: (node: number) => Shown | undefined;
  readonly untilState: (node: number, state: string) => Promise<void>;
  /** The messages of all nodes. */
  readonly lines: string[];
  /** Creates an item on a node. Returns whether that was acknowledged. */
  readonly create: (node: number, name: string) => Promise<boolean>;
  /** Reads an item on a node. Returns whether the read was answered, and the item. */
  readonly read: (
    node: number,
    name: string,
  ) => Promise<{ readonly isAnswered: boolean; readonly item: Item | undefined }>;
  readonly close: () => Promise<void>;
};

/** Starts three nodes with an empty table. */
export const startTrio = async (): Promise<Trio> => {
  const tls = await freshCertificates(['127.0.0.1']);
  const ports = await findFreePorts(6);
  const addresses = trioNumbers.map((node, index) => ({
    ...{ node, host: '127.0.0.1' },
    ...{ etcdPort: ports[index] ?? 0, peerPort: ports[index + 3] ?? 0 },
  }));
  const folders = new Map<number, string>(trioNumbers.map((node) => [node, freshFolder()]));
  const nodes = new Map<number, VaultNode>();
  const lines: string[] = [];
  const folderOf = (node: number): string => folders.get(node) ?? '';
  const start = async (node: number): Promise<void> => {
    const started = await startNode({
      config: configOf(node, 3, { nodes: addresses, quotaBytes: 1_073_741_824 }),
      folder: folderOf(node),
      cluster: { token: 'one', tls, vaultId: 'v', nodes: 'n', jwks: '', key: { masterKeyId: 'k' } },
      masterKey: () => null,
      report: (line) => void lines.push(line),
    });
    nodes.set(node, started);
  };
  const end = async (node: number): Promise<void> => {
    await nodes.get(node)?.close();
    nodes.delete(node);
  };
  const own = (node: number): Shown | undefined =>
    nodes
      .get(node)
      ?.status()
      .nodes.find((one) => one.node === node);
  const items = (node: number) => nodes.get(node)?.itemsOf(requestContext());
  const keyOf = (name: string) => ({ pk: name, sk: 's' });
  for (const node of trioNumbers) await start(node);
  await Promise.all([...nodes.values()].map(({ serving }) => serving));
  return {
    ...{ folderOf, start, end, own, lines },
    wipe: async (node) => {
      await end(node);
      rmSync(folderOf(node), { recursive: true });
      folders.set(node, freshFolder());
      await start(node);
    },
    untilState: async (node, state) => {
      await untilSeen(
        () => own(node)?.state,
        (seen) => seen === state,
        patienceMs,
      );
    },
    create: async (node, name) => {
      const item = { pk: { S: name }, sk: { S: 's' } };
      const guard = { key: keyOf(name), expected: { is: 'absent' }, put: item } as const;
      const written = await items(node)
        ?.write([guard])
        .catch(() => undefined);
      return written === 'written';
    },
    read: async (node, name) => {
      const found = await items(node)
        ?.get([keyOf(name)])
        .catch(() => undefined);
      return { isAnswered: found !== undefined, item: found?.[0] };
    },
    close: async () => {
      await Promise.all([...nodes.keys()].map(end));
      for (const folder of folders.values()) rmSync(folder, { recursive: true, force: true });
    },
  };
};

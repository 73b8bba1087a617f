import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Items, NotSent } from '../../../../functions/store/ports.ts';
import { putItems } from '../../../../host/backup/table.ts';
import {
  describeKeyFile,
  identityIn,
  makeMasterKey,
  stateOfKey,
} from '../../../../host/kms/key-file.ts';
import { rememberKey } from '../../../../host/kms/vault-key.ts';
import { writeClusterFile } from '../../../../host/node/cluster-file.ts';
import { serveNodeSocket } from '../../../../host/node/node-socket.ts';
import { statusOf } from '../../../../host/node/report.ts';
import { runningRecord } from '../../../../host/process/vault-records.ts';
import { storeFile } from '../../../../host/sqlite/database.ts';
import { openSqliteStore } from '../../../../host/sqlite/sqlite-store.ts';
import {
  type Connection,
  connectToFolder,
  connectToNode,
} from '../../../../host/vaults/connect.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { reportOf } from '../../../support/nodes.ts';

const refuse = async (): Promise<never> => {
  throw new Error('not called here');
};

let folder: string;
let state: 'serving' | 'diverged';
let write: Items['write'];
let close: () => Promise<void>;
beforeEach(async () => {
  folder = join(freshFolder(), 'node-1');
  mkdirSync(folder);
  state = 'serving';
  write = async () => 'written';
  ({ close } = await serveNodeSocket({
    folder,
    status: () => statusOf(1, [reportOf(1, { state, reason: 'its copy differs' }), reportOf(2)]),
    itemsOf: () => ({
      ...{ get: refuse, range: refuse, names: refuse, probe: refuse },
      write: (guards) => write(guards),
    }),
  }));
  remember({});
});
afterEach(() => close());

const remember = (more: object) =>
  runningRecord.remember(folder, {
    ...{ url: '', masterKeyFile: '/none', vaultId: 'v', tableName: 'vault' },
    ...{ masterKeyId: 'a-key', takesLocalTokens: true },
    ...more,
  });

const item = { pk: { S: 'p' }, sk: { S: 's' } };

describe('a connection to a node', () => {
  it('retries a write of a restore while the node does not serve', async () => {
    let asked = 0;
    write = async () => {
      asked += 1;
      if (asked < 3) throw new NotSent('unavailable');
      return 'written';
    };
    const { table, close: disconnect } = await connectToNode(folder);
    await putItems(table.write, [item]).finally(disconnect);
    expect(asked).toBe(3);
  });

  it('writes missing items of a restore, leaves equal ones alone, and fails with the key of an item that differs', async () => {
    const stored = new Map([['p', item]]);
    const sent: string[][] = [];
    write = async (guards) => {
      sent.push(guards.map(({ key }) => key.pk));
      const judged = guards.map(({ key }) => stored.get(key.pk));
      if (judged.every((found) => found === undefined)) return 'written';
      return judged.map((found) => (found ? { is: 'failed', item: found } : { is: 'held' }));
    };
    const { table, close: disconnect } = await connectToNode(folder);
    const another = { pk: { S: 'q' }, sk: { S: 's' } };
    await putItems(table.write, [item, another]);
    await putItems(table.write, [item]);
    expect(sent).toEqual([['p', 'q'], ['q'], ['p']]);
    const changed = { ...item, more: { B: Buffer.of(1) } };
    await expect(putItems(table.write, [another, changed]).finally(disconnect)).rejects.toThrow(
      'the store holds another item p s than the backup: restore into an empty one',
    );
  });

  it("is refused if the node's data differ from those of a node that serves", async () => {
    state = 'diverged';
    await expect(connectToNode(folder)).rejects.toThrow(
      'node 1 is diverged: its copy differs; use another node, such as node 2',
    );
  });

  it('is refused if the node does not answer', async () => {
    await close();
    await expect(connectToNode(folder)).rejects.toThrow('the node does not answer');
  });
});

describe('a connection to a running vault', () => {
  const tls = { ca: 'c', certificate: 'c', key: 'k' };
  /**
   * A folder with the record of a running vault. Its key file now has other key material than
   * `identity`, under the same id.
   */
  const running = () => {
    const cluster = dirname(folder);
    const file = join(cluster, 'kms.json');
    makeMasterKey(file);
    const identity = identityIn(file);
    runningRecord.remember(folder, {
      ...{ url: '', masterKeyFile: file, vaultId: 'v', tableName: 'vault' },
      ...{ masterKeyId: describeKeyFile(file).arn, takesLocalTokens: true },
    });
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), keyMaterial }));
    const asNode = (check: string) =>
      writeClusterFile(join(cluster, 'cluster.json'), {
        ...{ token: 't', vaultId: 'v', nodes: 'n', jwks: 'j', tls },
        key: { keyId: identity.keyId, check },
      });
    return { identity, asNode };
  };
  const keyOf = async (connection: Connection) => {
    const { keyFile, close } = connection;
    await close();
    return keyFile && [keyFile.isProved, stateOfKey(keyFile.key)];
  };

  it('recognises an incorrect master key under the right id by the check value in cluster.json', async () => {
    const { identity, asNode } = running();
    asNode(identity.check);
    expect(await keyOf(await connectToNode(folder))).toEqual([true, 'incorrect']);
  });

  it('recognises an incorrect master key by the check value that the folder of npm start remembers for this id', async () => {
    const { identity } = running();
    remember({ ...runningRecord.find(folder), dynamodbEndpoint: 'http://127.0.0.1:1' });
    expect(await keyOf(await connectToFolder(folder))).toEqual([false, 'usable']);
    rememberKey(folder, identity);
    expect(await keyOf(await connectToFolder(folder))).toEqual([true, 'incorrect']);
    rememberKey(folder, { ...identity, keyId: '6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11' });
    expect(await keyOf(await connectToFolder(folder))).toEqual([false, 'usable']);
  });
});

describe('a connection to a stopped vault', () => {
  /** Copies the store of a running vault, as a power cut leaves it, and returns the folder. */
  const killed = async (): Promise<string> => {
    const [runs, left] = [freshFolder(), freshFolder()];
    const store = openSqliteStore(join(runs, storeFile), 'serve');
    await putItems(store.write, [item]);
    for (const part of ['', '-wal']) {
      copyFileSync(join(runs, `${storeFile}${part}`), join(left, `${storeFile}${part}`));
    }
    await store.close();
    makeMasterKey(join(left, 'kms.json'));
    writeFileSync(join(left, 'vault.json'), JSON.stringify({ id: 'vault-65c6f22d1adb74ce' }));
    return left;
  };
  const logBytes = (of: string) => statSync(join(of, `${storeFile}-wal`)).size;

  it('renews the log before it writes, and leaves it alone if it only reads', async () => {
    const left = await killed();
    const before = logBytes(left);
    const reading = await connectToFolder(left);
    expect(logBytes(left)).toBe(before);
    await reading.close();
    const writing = await connectToFolder(left, 'write');
    expect([before > 0, logBytes(left)]).toEqual([true, 0]);
    await writing.close();
  });
});

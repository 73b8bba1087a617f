/** The master key file of a node. Sometimes cluster.json knows only the id of the key. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityIn, type KeyIdentity, makeMasterKey } from '../../../../host/kms/key-file.ts';
import { findKeyIdentity, rememberKey } from '../../../../host/kms/vault-key.ts';
import type { Witnesses } from '../../../../host/node/key-judging.ts';
import { identityOnNode, type NodeKey, openNodeKey } from '../../../../host/node/node-key.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { until } from '../../../support/until.ts';

let folder: string;
let file: string;
let own: KeyIdentity & { readonly check: string };
let closing: AbortController;
beforeEach(() => {
  folder = freshFolder();
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  own = identityIn(file);
  closing = new AbortController();
});
afterEach(() => closing.abort());

const none = { own: [], otherKeyId: undefined };
const witnesses: Witnesses = {
  ...{ node: 1, nodeCount: 3, storedKeys: async () => none },
  others: () => [{ node: 2, keyCheck: own.check, masterKey: 'unproved' }],
};
/** Returns `sealed`, or the reason why the key seals nothing. */
const seal = async ({ service }: NodeKey): Promise<string | undefined> =>
  await service?.generate({ name: 'A' }, closing.signal).then(
    () => 'sealed',
    ({ message }: Error) => message,
  );

describe('a master key whose check value is in cluster.json', () => {
  it('needs no proof, and the node reports that check value even if the key file holds another key', async () => {
    const key = openNodeKey(own, file, folder);
    expect(key.prove).toBeUndefined();
    expect([key.state(), key.check(), await seal(key)]).toEqual(['usable', own.check, 'sealed']);
    const other = join(freshFolder(), 'kms.json');
    makeMasterKey(other);
    const wrong = openNodeKey(own, other, folder);
    expect([wrong.state(), wrong.check()]).toEqual(['incorrect', own.check]);
  });
});

describe('a master key that cluster.json knows only by its id', () => {
  const open = () => openNodeKey({ keyId: own.keyId }, file, folder);

  it('seals nothing before the node has started, but already has a check value for the reports', async () => {
    const key = open();
    expect([key.state(), key.check(), await seal(key)]).toEqual([
      ...['unproved', own.check, 'the node has not started yet'],
    ]);
  });

  it('is proved without a write, and then remembered in the folder of the node', async () => {
    const key = open();
    key.prove?.(witnesses, closing.signal);
    await until(() => findKeyIdentity(folder) !== undefined);
    expect(findKeyIdentity(folder)).toEqual(own);
    expect([key.state(), await seal(key)]).toEqual(['usable', 'sealed']);
    expect(open().prove).toBeUndefined();
  });

  it('is judged again until it is proved, even if the stored values could not be read', async () => {
    let asked = 0;
    const storedKeys = async () => {
      asked += 1;
      if (asked === 1) throw new Error('no majority');
      return none;
    };
    open().prove?.({ ...witnesses, storedKeys }, closing.signal);
    await until(() => findKeyIdentity(folder) !== undefined);
    expect(asked).toBe(2);
  });

  it('is not confused with another key whose check value the folder remembers', () => {
    rememberKey(folder, { ...own, keyId: '6f1f3c5e-0a52-4c3f-9a0e-3f6f6a1d2b11' });
    expect(identityOnNode({ keyId: own.keyId }, folder)).toEqual({ keyId: own.keyId });
    rememberKey(folder, own);
    expect(identityOnNode({ keyId: own.keyId }, folder)).toEqual(own);
    expect(identityOnNode({ ...own, check: 'of cluster.json' }, folder).check).toBe(
      'of cluster.json',
    );
  });

  it('must be proved again if what the folder remembers is damaged', () => {
    writeFileSync(join(folder, 'key-check.json'), '{');
    expect(open().prove).toBeDefined();
  });
});

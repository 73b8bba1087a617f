/** The master key file of a node. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityIn, type KeyIdentity, makeMasterKey } from '../../../../host/kms/key-file.ts';
import { type NodeKey, openNodeKey } from '../../../../host/node/node-key.ts';
import { freshFolder } from '../../../support/local-process.ts';

let file: string;
let own: KeyIdentity;
let closing: AbortController;
beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  own = identityIn(file);
  closing = new AbortController();
});
afterEach(() => closing.abort());

/** Returns `sealed`, or the reason why the key seals nothing. */
const seal = async ({ service }: NodeKey): Promise<string | undefined> =>
  await service?.generate({ name: 'A' }, closing.signal).then(
    () => 'sealed',
    ({ message }: Error) => message,
  );

describe('a master key whose check value is in cluster.json', () => {
  it('is used, and a file with another key is not', async () => {
    const key = openNodeKey(own, file);
    expect([key.state(), await seal(key)]).toEqual(['usable', 'sealed']);
    const other = join(freshFolder(), 'kms.json');
    makeMasterKey(other);
    expect(openNodeKey(own, other).state()).toBe('incorrect');
  });
});

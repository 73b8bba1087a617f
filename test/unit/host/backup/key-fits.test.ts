/** How it is found out whether a key file belongs to a backup. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { NewVersion } from '../../../../functions/model/types.ts';
import { encodeHead, type Item } from '../../../../functions/store/items.ts';
import { sampleBackup } from '../../../../host/backup/key-fits.ts';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import {
  followMasterKey,
  identityIn,
  type MasterKey,
  makeMasterKey,
  setKeyState,
} from '../../../../host/kms/key-file.ts';
import { freshFolder } from '../../../support/local-process.ts';

let file: string;
let key: MasterKey;
beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  key = followMasterKey(file, { keyId: identityIn(file).keyId });
});

const facts = { vault: 'v', table: 'vault', takenAt: '', store: 'dynoxide' };
const context = new Map(Object.entries({ vault: 'v', tenant: 'acme', name: 'A' }));
const itemUnder = (of: string): Item => {
  const under = followMasterKey(of, { keyId: identityIn(of).keyId }).read();
  return encodeHead({
    ...{ tenant: 'acme', vault: 'v', name: 'A', version: 1, state: 'stored', validFrom: 0 },
    ...{ createdBy: 'alice', writeId: 'AAAAAAAAAAAAAAAAAAAAAA', masterKeyId: key.arn },
    ...{ iv: Buffer.alloc(12), ciphertext: Buffer.alloc(17), commitment: Buffer.alloc(32) },
    wrappedDataKey: wrap({ ...under, keyId: identityIn(file).keyId }, randomBytes(32), context),
  } as unknown as NewVersion);
};
const otherFile = (): string => {
  const other = join(freshFolder(), 'kms.json');
  makeMasterKey(other);
  return other;
};
const prove = (...items: readonly Item[]) => {
  const sample = sampleBackup(key.arn);
  for (const item of items) sample.take([item], facts);
  return sample.prove(key, file);
};

describe('the master key file given for a backup', () => {
  it('is accepted if it opens one value, even if it does not open another', () => {
    expect(prove(itemUnder(otherFile()), itemUnder(file))).toEqual(identityIn(file));
  });

  it('is refused if it opens no value of the backup', () => {
    expect(() => prove(itemUnder(otherFile()))).toThrow(
      `${file} has the id of the vault's master key, but does not open the only stored value of the backup: put another copy of the key there`,
    );
  });

  it('may be missing if the backup has no values', () => {
    rmSync(file);
    expect(prove()).toBeUndefined();
  });

  it('must exist if the backup has values', () => {
    const item = itemUnder(file);
    rmSync(file);
    expect(() => prove(item)).toThrow(`${file} is missing: put a copy of the master key there`);
  });

  it('is neither accepted nor refused while the key is disabled', () => {
    const [right, wrong] = [itemUnder(file), itemUnder(otherFile())];
    setKeyState(file, 'Disabled');
    expect([prove(right), prove(wrong)]).toEqual([undefined, undefined]);
  });
});

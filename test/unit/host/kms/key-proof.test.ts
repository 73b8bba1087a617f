import { createSecretKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { wrap } from '../../../../host/kms/data-key-wrapping.ts';
import { followMasterKey, identityIn, makeMasterKey } from '../../../../host/kms/key-file.ts';
import { judgeByValues } from '../../../../host/kms/key-proof.ts';
import type { MasterKey } from '../../../../host/kms/master-key.ts';
import { freshFolder } from '../../../support/local-process.ts';

let file: string;
let keyId: string;
let key: MasterKey;
beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  ({ keyId } = identityIn(file));
  key = followMasterKey(file, { keyId });
});

describe('the stored values, as evidence about a key,', () => {
  it('say nothing if there are none, and speak against the key if all of them name another', () => {
    const reading = key.read();
    expect(judgeByValues(file, reading, { own: [], otherKeyId: undefined })).toBeUndefined();
    expect(judgeByValues(file, reading, { own: [], otherKeyId: 'k' })).toBe(
      `${file} holds another master key than this vault's, whose values name the key k`,
    );
  });

  it('speak for the key if one of them opens with it, and against it if none does', () => {
    const other = { keyId, secret: createSecretKey(randomBytes(32)) };
    const context = new Map([['name', 'A']]);
    const sealedValue = (under: typeof other) => ({
      ...{ wrapped: wrap(under, randomBytes(32), context), context },
    });
    const judge = (...own: ReturnType<typeof sealedValue>[]) =>
      judgeByValues(file, key.read(), { own, otherKeyId: undefined });
    const fitting = `${file} has the id of the vault's master key, but does not open`;
    expect(judge(sealedValue(other))).toBe(`${fitting} the only stored value`);
    expect(judge(sealedValue(other), sealedValue(other))).toBe(`${fitting} 2 stored values`);
    expect(judge(sealedValue(other), sealedValue(key.read()))).toBeUndefined();
  });
});

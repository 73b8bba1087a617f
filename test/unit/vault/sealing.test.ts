import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { limits } from '../../../functions/model/limits.ts';
import type { Head, SealedVersion } from '../../../functions/model/types.ts';
import { deleteNext, openVersion, sealNext } from '../../../functions/vault/sealing.ts';
import { bytes, requestContext, someone, vaultId } from '../../support/requests.ts';

const sealer = () => ({ ...requestContext(), vaultId, principal: someone() });
const dataKey = () => ({ plaintext: randomBytes(32), wrapped: randomBytes(60), masterKeyId: 'k' });
const first = (): SealedVersion =>
  sealNext(sealer(), dataKey(), { name: 'DB', base: undefined }, bytes('hunter2'));
const head = (more: Partial<SealedVersion>): Head => ({ ...first(), ...more, validTo: undefined });
const keysThatGive = (plaintext: Uint8Array) => ({
  generate: () => Promise.reject(new Error('not expected')),
  probe: () => Promise.reject(new Error('not expected')),
  unwrap: async () => plaintext,
});

describe('a new or an opened version', () => {
  it('has a number of at most 999,999,999 if it is new', () => {
    const next = (version: number) =>
      sealNext(sealer(), dataKey(), { name: 'DB', base: head({ version }) }, bytes('x'));
    expect(next(limits.versionMax - 1).version).toBe(999_999_999);
    expect(() => next(limits.versionMax)).toThrow(
      expect.objectContaining({ code: 'too_large', properties: { limit: 999_999_999 } }),
    );
  });

  it('raises clock_skew if it is new and its predecessor is dated more than five minutes ahead', () => {
    const alarmsOf = (aheadMs: number) => {
      const context = sealer();
      const base = head({ validFrom: context.now + aheadMs });
      sealNext(context, dataKey(), { name: 'DB', base }, bytes('x'));
      return context.journal.decisions;
    };
    expect([-1_000, 0, 1, 2_000, 300_000].map(alarmsOf)).toEqual([[], [], [], [], []]);
    expect(alarmsOf(300_001)).toEqual([
      { decision: 'clock_skew', about: { name: 'DB', version: 1 } },
    ]);
  });

  it('that is a new deletion is numbered and dated like a stored version, and holds nothing of a value', () => {
    const context = sealer();
    const base = head({ version: 7, validFrom: context.now + 300_001 });
    const deletion = deleteNext(context, { name: 'DB', base, note: 'moved' });
    expect(deletion).toEqual({
      vault: vaultId,
      tenant: context.principal.tenant,
      name: 'DB',
      version: 8,
      validFrom: base.validFrom + 1,
      createdBy: 'alice',
      writeId: context.writeId,
      state: 'deleted',
      note: 'moved',
    });
    expect(context.journal.decisions).toMatchObject([{ decision: 'clock_skew' }]);
    const last = head({ version: limits.versionMax });
    expect(() => deleteNext(context, { name: 'DB', base: last })).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    );
  });

  it('raises an alarm with its name and number if it cannot be opened, and its data key is erased', async () => {
    const context = requestContext();
    const key = randomBytes(32);
    const opened = openVersion({ ...context, dataKeys: keysThatGive(key) }, first(), 'current');
    await expect(opened).rejects.toMatchObject({ code: 'integrity_failure' });
    expect(context.journal.decisions).toEqual([
      { decision: 'integrity_failure', about: { name: 'DB', version: 1 } },
    ]);
    expect(key).toEqual(Buffer.alloc(32));
  });
});

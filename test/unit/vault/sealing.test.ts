import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { limits } from '../../../functions/model/limits.ts';
import type { StoredVersion } from '../../../functions/model/types.ts';
import { openVersion, sealFirst, sealNext } from '../../../functions/vault/sealing.ts';
import { bytes, requestContext, someone, vaultId } from '../../support/requests.ts';

const sealer = () => ({ ...requestContext(), principal: someone() });
const dataKey = () => ({ plaintext: randomBytes(32), wrapped: randomBytes(60), masterKeyId: 'k' });
const first = (): StoredVersion => ({
  ...sealFirst(sealer(), dataKey(), 'DB', bytes('hunter2')),
  validTo: undefined,
});
const keysThatGive = (plaintext: Uint8Array) => ({
  generate: () => Promise.reject(new Error('not expected')),
  probe: () => Promise.reject(new Error('not expected')),
  unwrap: async () => plaintext,
});

describe('a version', () => {
  it('reaches the number 999,999,999 at most', () => {
    const base = (version: number): StoredVersion => ({ ...first(), version });
    const next = (version: number) => sealNext(sealer(), dataKey(), base(version), bytes('x'));
    expect(next(limits.versionMax - 1).version).toBe(999_999_999);
    expect(() => next(limits.versionMax)).toThrow(
      expect.objectContaining({ code: 'too_large', members: { limit: 999_999_999 } }),
    );
  });

  it('raises an alarm only if its predecessor is dated more than five minutes ahead', () => {
    const alarmsOf = (aheadMs: number) => {
      const context = sealer();
      const base = { ...first(), validFrom: context.now + aheadMs };
      sealNext(context, dataKey(), base, bytes('x'));
      return context.journal.decisions;
    };
    expect([-1_000, 0, 1, 2_000, 300_000].map(alarmsOf)).toEqual([[], [], [], [], []]);
    expect(alarmsOf(300_001)).toEqual([
      { decision: 'clock_skew', about: { name: 'DB', version: 1 } },
    ]);
  });

  it('raises an alarm with its name and number if it does not open, and its data key is erased', async () => {
    const context = requestContext();
    const key = randomBytes(32);
    const opened = openVersion({ ...context, vaultId, dataKeys: keysThatGive(key) }, first());
    await expect(opened).rejects.toMatchObject({ code: 'integrity_failure' });
    expect(context.journal.decisions).toEqual([
      { decision: 'integrity_failure', about: { name: 'DB', version: 1 } },
    ]);
    expect(key).toEqual(Buffer.alloc(32));
  });
});

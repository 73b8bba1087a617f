/** A read and the condition of a write agree on the moment at which the record of a keyed request ends. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../functions/crypto/fingerprint.ts';
import { times } from '../../functions/model/limits.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

describe('an idempotency record', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  /** The whole second in which the record is written. */
  const written = 1_700_000_000_000;
  /** The first millisecond of the last second of its life; expiry has a resolution of one second. */
  const lastSecond = written + times.idempotencyKeptMs;

  /** Updates a secret with a key, and again at `now` through `ports`. Returns the result of the second request. */
  const repeatAt = async (now: number, ports: Ports, ifMatch?: readonly number[]) => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a'], written - 1_000);
    const key = fingerprint('k'.repeat(20), alice, ['update']);
    const request = { name: 'DB', value: bytes('b'), ifMatch, fingerprint: key };
    const at = (instant: number) => requestContext({ now: instant });
    await updateSecret(vault.ports)(at(written), alice, request);
    const { version, replayed } = await updateSecret(ports)(at(now), alice, request);
    return { version: version.version, replayed };
  };
  /** Only a read can find the record: If-Match, now untrue, would refuse a write. */
  const found = (now: number) => repeatAt(now, vault.ports, [1]);
  /** Only the condition of the write can find the record: the read finds none. */
  const met = (now: number) => {
    const findRecord = async () => undefined;
    return repeatAt(now, changedPorts(vault.ports, { store: () => ({ findRecord }) }));
  };

  it.each([0, 1, 999])(
    'answers a repeated request %i ms into its last second, found by a read or by a write',
    async (ms) => {
      const repeated = { version: 2, replayed: true };
      expect(await found(lastSecond + ms)).toEqual(repeated);
      expect(await met(lastSecond + ms)).toEqual(repeated);
    },
  );

  it('answers no repeated request once its last second is over, neither by a read nor by a write', async () => {
    await expect(found(lastSecond + 1_000)).rejects.toMatchObject({ code: 'version_conflict' });
    expect(await met(lastSecond + 1_000)).toEqual({ version: 3, replayed: false });
  });
});

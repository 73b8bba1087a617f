import { describe, expect, it } from '@jest/globals';
import { getStatusRoute } from '../../functions/get-status.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import { storeOver } from '../support/embedded.ts';
import { requestOf } from '../support/events.ts';
import { readableJournal, someone, vaultId } from '../support/requests.ts';

const unused = async () => {
  throw new Error('only the probe is called');
};
const items = { get: unused, range: unused, names: unused, write: unused };
const key = { generate: unused, unwrap: unused };
const ports = {
  vaultId,
  store: storeOver(() => ({ ...items, probe: async () => ({ replicated: false }) })),
  dataKeys: createDataKeys({
    ...key,
    describe: async () => ({ masterKeyId: '1234abcd', isEnabled: true }),
  }),
};
const policy = { source: 'file', digest: 'd', since: '2026-11-24T00:00:00.000Z', fault: null };
const about = { version: '1.2.3', commit: null };

/** Makes a function that returns the status for a token with these scopes. */
const statusOver = (node?: () => object) => {
  const parts = { clock: machineClock, about, policy: () => policy as never, node };
  const statusFor = async (scopes: readonly string[]) => {
    const handle = getStatusRoute.serve(
      {
        authenticate: async () => someone({ scopes }),
        clock: machineClock,
        newWriteId: () => 'w-1',
        openJournal: () => ({ ...readableJournal(), close: () => undefined }),
      },
      { ...ports, ...parts },
    );
    const { status, body } = await handle(requestOf(), {});
    return { status, ...JSON.parse(body) };
  };
  return statusFor;
};

const forEverybody = {
  status: 'ok',
  ...about,
  store: { reachable: true, latencyMs: expect.any(Number) },
  masterKey: { reachable: true, id: '1234abcd' },
};

describe('the status', () => {
  it('has the policy and the node, as it is at the time, only for the scope vault:status', async () => {
    let revision = 6;
    const statusFor = statusOver(() => ({ revision }));
    for (const scopes of [[], ['secrets:read', 'secrets:write']]) {
      expect(await statusFor(scopes)).toEqual(forEverybody);
    }
    revision = 7;
    const all = { ...forEverybody, policy, node: { revision: 7 } };
    expect(await statusFor(['vault:status'])).toEqual(all);
  });

  it('has no node if there is none', async () => {
    expect(await statusOver()(['vault:status'])).toEqual({ ...forEverybody, policy });
  });
});

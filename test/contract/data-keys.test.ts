/** The vault erases the data keys of a request, and makes as few as it can; on the embedded store and KMS. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { encryptEnv, expandEnv } from '../../functions/vault/env-file.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { historyOf, makeSecret } from '../support/secrets.ts';

describe('a data key', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  /** The vault's ports, and a list of every data key that passes through them. */
  const watched = () => {
    const keys: Uint8Array[] = [];
    const ports = changedPorts(vault.ports, {
      dataKeys: ({ generate, unwrap }) => ({
        generate: async (bound) => {
          const key = await generate(bound);
          keys.push(key.plaintext);
          return key;
        },
        unwrap: async (...asked) => {
          const key = await unwrap(...asked);
          keys.push(key);
          return key;
        },
      }),
    });
    return { keys, ports };
  };
  const alice = someone();
  const value = bytes('x');
  const file = {
    values: new Map<string, string>(),
    dialect: 'shell',
    dryRun: false,
    reply: 'json',
    at: undefined,
    pin: false,
  } as const;
  type Operation = (ports: Ports) => Promise<unknown>;
  const operations: readonly (readonly [string, Operation])[] = [
    [
      'a create',
      (ports) =>
        createSecret(ports)(requestContext(), alice, {
          name: 'NEW',
          value,
          fingerprint: undefined,
        }),
    ],
    [
      'a refused create',
      (ports) =>
        createSecret(ports)(requestContext(), alice, { name: 'DB', value, fingerprint: undefined }),
    ],
    [
      'an update',
      (ports) =>
        updateSecret(ports)(requestContext(), alice, {
          name: 'DB',
          value,
          ifMatch: undefined,
          fingerprint: undefined,
        }),
    ],
    [
      'an update of nothing',
      (ports) =>
        updateSecret(ports)(requestContext(), alice, {
          name: 'NOWHERE',
          value,
          ifMatch: undefined,
          fingerprint: undefined,
        }),
    ],
    [
      'a get',
      (ports) => getSecret(ports)(requestContext(), alice, { name: 'DB', which: 'latest' }),
    ],
    [
      'encrypting a file',
      (ports) =>
        encryptEnv(ports)(requestContext(), alice, {
          ...file,
          content: 'A=1\nX=enc(A)\nB=2\nY=enc(B)\n',
          fingerprint: undefined,
        }),
    ],
    [
      'expanding a file',
      (ports) => expandEnv(ports)(requestContext(), alice, { ...file, content: 'X=secret(DB)\n' }),
    ],
  ];

  it.each(operations)('is overwritten with zeroes after %s', async (_, operation) => {
    await makeSecret(vault.ports, alice, 'DB', ['x']).catch(() => undefined);
    const { keys, ports } = watched();
    await operation(ports).catch(() => undefined);
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(Buffer.from(key).toString('hex')).toBe('00'.repeat(32));
  });

  it('stays the same in all attempts of an update, each with a fresh IV', async () => {
    const bob = someone();
    await makeSecret(vault.ports, bob, 'DB', ['x']);
    const { keys, ports } = watched();
    const ivs: string[] = [];
    const losing = changedPorts(ports, {
      store: (store) => ({
        write: async (write) => {
          ivs.push(Buffer.from(write.update?.next.iv ?? '').toString('hex'));
          if (ivs.length === 1) {
            await updateSecret(vault.ports)(requestContext(), bob, {
              name: 'DB',
              value: bytes('other'),
              ifMatch: undefined,
              fingerprint: undefined,
            });
          }
          return await store.write(write);
        },
      }),
    });
    await updateSecret(losing)(requestContext(), bob, {
      name: 'DB',
      value: bytes('mine'),
      ifMatch: undefined,
      fingerprint: undefined,
    });
    expect([keys.length, ivs.length, new Set(ivs).size]).toEqual([1, 2, 2]);
    expect((await historyOf(vault.ports, bob, 'DB')).map(({ version }) => version)).toEqual([
      1, 2, 3,
    ]);
  });
});

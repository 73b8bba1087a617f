/** The floor of `npm run bench` is a lower bound only while it makes exactly the calls of the vault. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { prepareFloor } from '../../bench/floor.ts';
import { fileNames, type Operation, operations, times } from '../../bench/operations.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { encryptEnv, expandEnv } from '../../functions/vault/env-file.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { type Embedded, startEmbedded, tableName } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

// At the end the test reads all stored items again, perhaps on a busy machine.
jest.setTimeout(60_000);

describe('the floor of the bench', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
    // The floor stores items of the size of a secret that are no secrets.
    vault.tampered.add('floor');
  });
  afterAll(() => vault.close());

  /** The client, with the names of its calls recorded. */
  const watched = <Client extends { send: (command: never) => unknown }>(
    client: Client,
    calls: string[],
  ) =>
    ({
      send: (command: { readonly constructor: { readonly name: string } }) => {
        calls.push(command.constructor.name.replace('Command', ''));
        return client.send(command as never);
      },
    }) as unknown as Client;

  const callsOfFloor = async (operation: Operation) => {
    const [store, kms]: [string[], string[]] = [[], []];
    const prepare = await prepareFloor({
      dynamodb: watched(vault.dynamodb, store),
      kms: watched(vault.kms, kms),
      tableName,
      masterKeyId: vault.keyArn,
    });
    const work = await prepare(operation, 1);
    store.length = 0;
    kms.length = 0;
    await work?.(0);
    return { store, kms };
  };

  const value = bytes('x'.repeat(256));
  const file = {
    values: new Map(),
    dialect: 'shell',
    dryRun: false,
    reply: 'json',
    at: undefined,
    pin: false,
    fingerprint: undefined,
  } as const;
  const linesOf = (line: (index: number) => string) => `${times(fileNames, line).join('\n')}\n`;

  const callsOfVault = async (operation: Operation) => {
    const [{ ports }, principal, context] = [vault, someone(), requestContext()];
    const stored = { name: 'DB', value, ifMatch: undefined, fingerprint: undefined };
    if (operation === 'expand') {
      for (let index = 0; index < fileNames; index += 1) {
        await makeSecret(ports, principal, `N${index}`, [value]);
      }
    } else if (operation !== 'create' && operation !== 'encrypt') {
      await makeSecret(
        ports,
        principal,
        'DB',
        operation === 'versions' ? times(10, () => value) : [value, value],
      );
    }
    const page = {
      name: 'DB',
      order: 'desc',
      limit: 50,
      after: undefined,
      includeValues: false,
    } as const;
    const works: Record<Operation, () => Promise<unknown>> = {
      create: () => createSecret(ports)(context, principal, stored),
      update: () => updateSecret(ports)(context, principal, stored),
      get: () => getSecret(ports)(context, principal, { name: 'DB', which: 'latest' }),
      version: () => getSecret(ports)(context, principal, { name: 'DB', which: { version: 1 } }),
      versions: () => listVersions(ports)(context, principal, page),
      encrypt: () => {
        const content = linesOf((index) => `N${index}=x\nX${index}=enc(N${index})`);
        return encryptEnv(ports)(context, principal, { ...file, content });
      },
      expand: () => {
        const content = linesOf((index) => `X${index}=secret(N${index})`);
        return expandEnv(ports)(context, principal, { ...file, content });
      },
    };
    await works[operation]();
    return { store: context.journal.storeCalls, kms: context.journal.kmsCalls };
  };

  it.each(operations)('makes the same calls as the vault for %s', async (operation) => {
    expect(await callsOfFloor(operation)).toEqual(await callsOfVault(operation));
  });
});

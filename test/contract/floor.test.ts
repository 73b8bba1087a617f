/** The floor of `npm run bench` is a lower bound only while it makes exactly the calls of the vault. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { prepareFloor } from '../../bench/floor.ts';
import { fileNames, type Operation, operations } from '../../bench/operations.ts';
import { type Cost, costs, envCost } from '../support/costs.ts';
import { startUnchecked, tableName } from '../support/embedded.ts';
import { vaultId } from '../support/requests.ts';

/** The calls that test/contract/calls.test.ts finds for the vault. */
const costsOfVault: Readonly<Record<Operation, Cost>> = {
  create: costs['create-secret'],
  update: costs['update-secret'],
  get: costs['get-secret'],
  version: costs['get-secret by version'],
  versions: costs['list-versions'],
  encrypt: envCost({ created: fileNames }),
  expand: envCost({ read: fileNames }),
};

describe('the floor of the bench', () => {
  let services: Awaited<ReturnType<typeof startUnchecked>>;
  beforeAll(async () => {
    services = await startUnchecked();
  });
  afterAll(() => services.close());

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

  it.each(operations)('makes the same calls as the vault for %s', async (operation) => {
    const [store, kms]: [string[], string[]] = [[], []];
    const prepare = await prepareFloor({
      dynamodb: watched(services.dynamodb, store),
      kms: watched(services.kms, kms),
      vaultId,
      tableName,
      masterKeyId: services.keyArn,
    });
    const work = await prepare(operation, 1);
    store.length = 0;
    kms.length = 0;
    await work?.(0);
    const { store: storeCalls, kms: kmsCalls } = costsOfVault[operation];
    expect({ store: store.sort(), kms: kms.sort() }).toEqual({ store: storeCalls, kms: kmsCalls });
  });
});

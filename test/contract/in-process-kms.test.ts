/** With `npm start`, the vault opens the key file in its own process. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createStore } from '../../functions/store/store.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { masterKeyFile, setKeyState } from '../../host/kms/key-file.ts';
import { type Services, startServices } from '../../host/single/standalone.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { freshFolder } from '../support/local-process.ts';
import { nextTurn } from '../support/next-turn.ts';
import { requestContext, someone } from '../support/requests.ts';

let folder: string;
let services: Services;
let ports: Ports;

beforeAll(async () => {
  folder = freshFolder();
  services = await startServices({ folder, report: () => undefined, warn: () => undefined });
  const { vaultId, itemsOf, masterKey } = services.vault;
  ports = { vaultId, store: createStore(itemsOf, vaultId), dataKeys: createDataKeys(masterKey) };
});
afterAll(() => services.close());

describe('the vault of npm start', () => {
  it('makes and opens data keys by itself', async () => {
    const bound = { vault: 'v', tenant: someone().tenant, name: 'DB_PASSWORD' };
    const made = await ports.dataKeys.for(requestContext()).generate(bound);
    expect(made.masterKeyId).toBe(services.running.masterKeyId);
    const opened = await ports.dataKeys.for(requestContext()).unwrap(bound, made.wrapped);
    expect(opened).toEqual(made.plaintext);
    expect(await ports.dataKeys.for(requestContext()).probe()).toEqual({
      masterKeyId: services.running.masterKeyId.split('/')[1],
    });
  });

  it('stores a value even if the master key is disabled before the write, and opens it once the key is enabled', async () => {
    const file = masterKeyFile(folder, {});
    const disabling = changedPorts(ports, {
      dataKeys: (dataKeys) => ({
        generate: async (bound) => {
          const made = await dataKeys.generate(bound);
          setKeyState(file, 'Disabled');
          return made;
        },
      }),
    });
    const principal = someone();
    const name = 'LATE';
    const which = 'latest' as const;
    await createSecret(disabling)(requestContext(), principal, {
      ...{ name, value: Buffer.from('late'), note: undefined, fingerprint: undefined },
    });
    await nextTurn();
    const read = () => getSecret(ports)(requestContext(), principal, { name, which });
    await expect(read()).rejects.toMatchObject({ code: 'master_key_unavailable' });
    setKeyState(file, 'Enabled');
    await nextTurn();
    const { value } = await read();
    expect(Buffer.from(value ?? []).toString()).toBe('late');
  });

  it('fails with a key fault once the key in the key file is disabled', async () => {
    setKeyState(masterKeyFile(folder, {}), 'Disabled');
    await nextTurn();
    const bound = { vault: 'v', tenant: someone().tenant, name: 'DB_PASSWORD' };
    await expect(ports.dataKeys.for(requestContext()).generate(bound)).rejects.toMatchObject({
      code: 'master_key_unavailable',
      retryable: false,
      cause: { name: 'DisabledException' },
    });
  });
});

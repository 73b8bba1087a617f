/** With `npm start`, the functions open the key file in their own process. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { masterKeyFile, setKeyState } from '../../host/kms/key-file.ts';
import { type Services, startServices } from '../../host/single/standalone.ts';
import { readTemplate } from '../../host/template.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { freshFolder } from '../support/local-process.ts';
import { requestContext, someone } from '../support/requests.ts';

const kept = { ...process.env };
let folder: string;
let services: Services;

beforeAll(async () => {
  folder = freshFolder();
  const { table } = await readTemplate();
  const report = () => undefined;
  services = await startServices({ folder, table, report });
});
afterAll(async () => {
  await services.close();
  process.env = { ...kept };
});

/** The ports that functions/runtime/vault.ts creates when it is loaded. */
const loadPorts = () =>
  jest.requireActual<typeof import('../../functions/runtime/vault.ts')>(
    '../../functions/runtime/vault.ts',
  ).ports;

describe('the functions of npm start', () => {
  it('make and open data keys while nothing answers at the endpoint of KMS', async () => {
    process.env['AWS_ENDPOINT_URL_KMS'] = 'http://127.0.0.1:1';
    const ports = loadPorts();
    const bound = { vault: 'v', tenant: someone().tenant, name: 'DB_PASSWORD' };
    const made = await ports.dataKeys.for(requestContext()).generate(bound);
    expect(made.masterKeyId).toBe(services.running.masterKeyId);
    const opened = await ports.dataKeys.for(requestContext()).unwrap(bound, made.wrapped);
    expect(opened).toEqual(made.plaintext);
    expect(await ports.dataKeys.for(requestContext()).probe()).toEqual({
      masterKeyId: services.running.masterKeyId.split('/')[1],
    });
  });

  it('store a value even if the master key is disabled before the write, and open it once the key is enabled', async () => {
    const ports = loadPorts();
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
    const read = () => getSecret(ports)(requestContext(), principal, { name, which });
    await expect(read()).rejects.toMatchObject({ code: 'master_key_unavailable' });
    setKeyState(file, 'Enabled');
    const { value } = await read();
    expect(Buffer.from(value ?? []).toString()).toBe('late');
  });

  it('fail with a key fault once the key in the key file is disabled', async () => {
    setKeyState(masterKeyFile(folder, {}), 'Disabled');
    const bound = { vault: 'v', tenant: someone().tenant, name: 'DB_PASSWORD' };
    await expect(loadPorts().dataKeys.for(requestContext()).generate(bound)).rejects.toMatchObject({
      code: 'master_key_unavailable',
      retryable: false,
      cause: { name: 'DisabledException' },
    });
  });
});

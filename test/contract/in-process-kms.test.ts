/** The functions of `npm start` call the embedded KMS in their own process. */
import { join } from 'node:path';
import { DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Services, startServices } from '../../local/host/services.ts';
import { readTemplate } from '../../local/host/template.ts';
import { freshFolder } from '../support/local-process.ts';
import { requestContext, someone } from '../support/requests.ts';

const root = process.cwd();
const kept = { ...process.env };
let folder: string;
let services: Services;

beforeAll(async () => {
  folder = freshFolder();
  const { table } = await readTemplate(join(root, 'template.yaml'));
  const report = () => undefined;
  services = await startServices({ root, folder, store: 'dynoxide', table, report });
});
afterAll(async () => {
  await services.close();
  process.env = { ...kept };
});

/** The ports as the functions make them when they are loaded. */
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

  it('get a key fault when local/bin/key.ts has disabled the key', async () => {
    const kms = new KMSClient({ endpoint: services.running.kmsEndpoint });
    await kms.send(new DisableKeyCommand({ KeyId: services.running.masterKeyId }));
    kms.destroy();
    const bound = { vault: 'v', tenant: someone().tenant, name: 'DB_PASSWORD' };
    await expect(loadPorts().dataKeys.for(requestContext()).generate(bound)).rejects.toMatchObject({
      code: 'master_key_unavailable',
      retryable: false,
      cause: { name: 'DisabledException', $metadata: { httpStatusCode: 400 } },
    });
  });
});

/** The master key file of a node. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { identityIn, type KeyIdentity, makeMasterKey } from '../../../../host/kms/key-file.ts';
import { type NodeKey, openNodeKey } from '../../../../host/node/node-key.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { until } from '../../../support/until.ts';

let file: string;
let own: KeyIdentity;
let closing: AbortController;
const warn = () => undefined;
beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  own = identityIn(file);
  closing = new AbortController();
});
afterEach(() => closing.abort());

/** Returns `sealed`, or the reason why the key seals nothing. */
const seal = async ({ service }: NodeKey): Promise<string | undefined> =>
  await service.generate({ name: 'A' }, closing.signal).then(
    () => 'sealed',
    ({ message }: Error) => message,
  );

describe('a master key whose check value is in cluster.json', () => {
  it('is used, and a file with another key is not', async () => {
    const key = await openNodeKey(own, file, warn);
    expect([key.state(), await seal(key)]).toEqual(['usable', 'sealed']);
    const other = join(freshFolder(), 'kms.json');
    makeMasterKey(other);
    expect((await openNodeKey(own, other, warn)).state()).toBe('incorrect');
  });
});

describe('the environment of a node', () => {
  const inKms = 'arn:aws:kms:eu-west-1:000000000000:key/one';
  const names = [
    ...['MASTER_KEY_ID', 'AWS_ENDPOINT_URL_KMS', 'VAULT_MASTER_KEY_FILE', 'AWS_REGION'],
    ...['AWS_DEFAULT_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ];
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const before = names.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('refuses a key file if the key of the cluster is in a KMS', async () => {
    process.env['VAULT_MASTER_KEY_FILE'] = file;
    await expect(openNodeKey({ masterKeyId: inKms }, file, warn)).rejects.toThrow(
      'VAULT_MASTER_KEY_FILE is set, but the master key of the cluster is in a KMS',
    );
  });

  it('refuses another key of the KMS, and names both', async () => {
    process.env['MASTER_KEY_ID'] = `${inKms}2`;
    await expect(openNodeKey({ masterKeyId: inKms }, file, warn)).rejects.toThrow(
      `MASTER_KEY_ID is ${inKms}2, but the master key of the cluster is ${inKms}`,
    );
  });

  it.each(['MASTER_KEY_ID', 'AWS_ENDPOINT_URL_KMS'])(
    'refuses %s if the key of the cluster is in a file',
    async (name) => {
      process.env[name] = inKms;
      await expect(openNodeKey(own, file, warn)).rejects.toThrow(
        'MASTER_KEY_ID or AWS_ENDPOINT_URL_KMS is set, but the master key of the cluster is in a file',
      );
    },
  );

  it('uses the key of the KMS if MASTER_KEY_ID names it, too', async () => {
    process.env['MASTER_KEY_ID'] = inKms;
    process.env['AWS_ENDPOINT_URL_KMS'] = 'http://127.0.0.1:1';
    const key = await openNodeKey({ masterKeyId: inKms }, file, warn);
    expect(key).toMatchObject({
      running: { masterKeyId: inKms, kmsEndpoint: 'http://127.0.0.1:1' },
    });
    await until(() => key.state() === 'unusable');
  });

  it.each([
    ['its ARN names', {}, 'eu-west-1'],
    ['its ARN names, whatever the default is,', { AWS_DEFAULT_REGION: 'eu-west-2' }, 'eu-west-1'],
    ['AWS_REGION names', { AWS_REGION: 'eu-west-3' }, 'eu-west-3'],
  ])('asks the KMS of the Region that %s', async (_, variables, region) => {
    const asked: string[] = [];
    const server = createServer(({ headers }, response) => {
      asked.push(
        /Credential=[^/]+\/\d+\/([^/]+)\/kms/.exec(headers.authorization ?? '')?.[1] ?? '',
      );
      response.end(JSON.stringify({ KeyMetadata: { KeyId: inKms, KeyState: 'Enabled' } }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const name of names) delete process.env[name];
    Object.assign(process.env, credentials, variables, {
      AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${port}`,
    });
    const key = await openNodeKey({ masterKeyId: inKms }, file, warn);
    await until(() => key.state() === 'usable');
    server.closeAllConnections();
    server.close();
    expect(asked).toEqual([region]);
  });
});

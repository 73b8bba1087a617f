import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { applyEnvironment, environmentOf } from '../../../../local/gateway/functions.ts';
import { openServingCertificate } from '../../../../local/http/serving-certificate.ts';
import { serveApi } from '../../../../local/vaults/api-port.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { servingFiles } from '../../../support/serving-files.ts';

const before = { ...process.env };
const running = {
  dynamodbEndpoint: 'http://127.0.0.1:3',
  ...{ vaultId: 'v', tableName: 't', masterKeyId: 'k', takesLocalTokens: true },
};
const parts = { vaultId: 'v', keyArn: 'k', storeEndpoint: 'http://127.0.0.1:3', jwks: '{}' };

describe('the record of a vault', () => {
  let folder: string;
  let reported: string[];
  const recorded = () => JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8'));
  const serve = (variables: NodeJS.ProcessEnv) =>
    serveApi({
      ...{ routes: [], port: 0, folder, running, report: (line: string) => reported.push(line) },
      certificate: openServingCertificate(variables),
    });

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation(() => true);
    }
    [folder, reported] = [freshFolder(), []];
    process.env = { ...before };
    applyEnvironment(environmentOf({}, parts));
  });
  afterEach(() => {
    process.env = before;
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('has the certificate that is served, also after a renewal, and goes with the vault', async () => {
    const { pair, variables } = await servingFiles();
    const { url, close } = await serve(variables);
    expect(recorded()).toMatchObject({ url, certificate: pair.certificate, ...running });
    const other = await freshCertificates();
    writeFileSync(variables.VAULT_TLS_CERT, `${other.certificate}${other.ca}`);
    writeFileSync(variables.VAULT_TLS_KEY, other.key);
    jest.advanceTimersByTime(20_000);
    expect(recorded()).toMatchObject({ url, certificate: other.certificate, ...running });
    await close();
    expect(recorded).toThrow('ENOENT');
    writeFileSync(variables.VAULT_TLS_CERT, pair.certificate);
    writeFileSync(variables.VAULT_TLS_KEY, pair.key);
    jest.advanceTimersByTime(60_000);
    expect(recorded).toThrow('ENOENT');
  });

  it('does not end the vault if it cannot be written at a renewal', async () => {
    const { variables } = await servingFiles();
    const { close } = await serve(variables);
    rmSync(join(folder, 'running.json'));
    mkdirSync(join(folder, 'running.json'));
    const other = await freshCertificates();
    writeFileSync(variables.VAULT_TLS_CERT, other.certificate);
    writeFileSync(variables.VAULT_TLS_KEY, other.key);
    jest.advanceTimersByTime(20_000);
    expect(reported).toEqual([
      expect.stringMatching(/^dsvault does not find the new certificate on this machine: /),
    ]);
    rmSync(join(folder, 'running.json'), { recursive: true });
    await close();
  });

  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
  ])(
    'has an address of this machine for HOST=%s, and no certificate over HTTP',
    async (host, name) => {
      process.env['HOST'] = host;
      const { url, close } = await serve({});
      expect(new URL(url).hostname).toBe(host);
      expect(recorded().url).toBe(url.replace(host, name));
      expect(recorded()).not.toHaveProperty('certificate');
      await close();
    },
  );
});

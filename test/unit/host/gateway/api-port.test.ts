import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { serveApi } from '../../../../host/gateway/api-port.ts';
import type { Listening } from '../../../../host/http/bounded-server.ts';
import { openServingCertificate } from '../../../../host/http/serving-certificate.ts';
import type { TlsFiles } from '../../../../host/http/tls.ts';
import { apiOf, replyOf } from '../../../support/api-of.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { createKeptLog } from '../../../support/kept-log.ts';
import { freshFolder } from '../../../support/local-process.ts';
import { servingFiles } from '../../../support/serving-files.ts';

const before = { ...process.env };
const running = {
  dynamodbEndpoint: 'http://127.0.0.1:3',
  ...{ vaultId: 'v', tableName: 't', masterKeyId: 'k', takesLocalTokens: true },
};

describe('the record of a running vault', () => {
  let folder: string;
  let reported: string[];
  const open: Listening[] = [];
  const recorded = () => JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8'));
  const serve = async (variables: NodeJS.ProcessEnv): Promise<Listening> => {
    const certificate = openServingCertificate(variables);
    const report = (line: string) => void reported.push(line);
    const api = apiOf([], () => async () => replyOf(''), { report });
    const log = createKeptLog();
    const served = await serveApi({ api, port: 0, certificate, folder, running, log, report });
    open.push(served);
    return served;
  };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    [folder, reported] = [freshFolder(), []];
    process.env = { ...before };
  });
  afterEach(async () => {
    for (const { close } of open.splice(0)) await close();
    process.env = before;
    jest.useRealTimers();
  });

  it('holds the certificate in use, even after a renewal, and is removed when the vault ends', async () => {
    const { pair, variables } = await servingFiles();
    const { url, close } = await serve(variables);
    const shown = async ({ ca }: TlsFiles): Promise<string | undefined> => {
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), ca });
      await once(socket, 'secureConnect');
      const certificate = socket.getPeerX509Certificate()?.toString();
      socket.destroy();
      return certificate;
    };
    expect(recorded()).toMatchObject({ url, certificate: await shown(pair), ...running });
    const other = await freshCertificates();
    writeFileSync(variables.VAULT_TLS_CERT, `${other.certificate}${other.ca}`);
    writeFileSync(variables.VAULT_TLS_KEY, other.key);
    jest.advanceTimersByTime(20_000);
    expect(recorded()).toMatchObject({ url, certificate: await shown(other), ...running });
    await close();
    expect(recorded).toThrow('ENOENT');
    writeFileSync(variables.VAULT_TLS_CERT, pair.certificate);
    writeFileSync(variables.VAULT_TLS_KEY, pair.key);
    jest.advanceTimersByTime(60_000);
    expect(recorded).toThrow('ENOENT');
  });

  it('causes a warning and does not stop the vault if it cannot be written after a certificate renewal', async () => {
    const { variables } = await servingFiles();
    await serve(variables);
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
  });

  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
  ])(
    'holds an address of this machine for HOST=%s, and no certificate over HTTP',
    async (host, name) => {
      process.env['HOST'] = host;
      const { url } = await serve({});
      expect(new URL(url).hostname).toBe(host);
      expect(recorded().url).toBe(url.replace(host, name));
      expect(recorded()).not.toHaveProperty('certificate');
    },
  );
});

describe('the port of the API', () => {
  afterEach(() => {
    process.env = before;
  });

  it.each([
    ['causes a warning over HTTP', '0.0.0.0', false, 1],
    ['causes no warning over HTTPS', '0.0.0.0', true, 0],
    ['causes no warning over HTTP that stays on this machine', '127.0.0.1', false, 0],
  ])('%s: HOST=%s', async (_, host, hasTls, count) => {
    process.env = { ...before, HOST: host };
    const reported: string[] = [];
    const report = (line: string) => void reported.push(line);
    const { close } = await serveApi({
      api: apiOf([], () => async () => replyOf(''), { report }),
      ...{ port: 0, folder: freshFolder(), running, log: createKeptLog(), report },
      certificate: hasTls ? openServingCertificate((await servingFiles()).variables) : undefined,
    });
    await close();
    const told = 'HOST is 0.0.0.0 without TLS: whoever is between a caller and this port can read';
    expect(reported).toEqual(Array(count).fill(expect.stringContaining(told)));
  });
});

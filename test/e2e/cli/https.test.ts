/**
 * `dsvault` with a vault that serves HTTPS with a self-made certificate, trusted and not trusted.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freshCertificates } from '../../support/certificates.ts';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { runLocal } from '../../support/local-process.ts';
import { describeLocal, type RunningVault, startVault } from '../../support/running-vault.ts';
import { servingFiles } from '../../support/serving-files.ts';

describeLocal('dsvault with a vault that serves HTTPS', () => {
  let files: Awaited<ReturnType<typeof servingFiles>>;
  let vault: RunningVault;
  let dsvault: Dsvault;
  /** A server whose certificate comes from a different authority. `arrived` is what it received. */
  let foreign: Server;
  let arrived = '';
  beforeAll(async () => {
    files = await servingFiles();
    writeFileSync(files.caFile, `${files.pair.ca}${files.pair.key}`);
    vault = await startVault(files.variables);
    dsvault = openDsvault({ DSVAULT_RETRIES: '0' });
    const { certificate: cert, key } = await freshCertificates();
    foreign = createServer({ cert, key }, (socket) =>
      socket.on('error', () => undefined).on('data', (bytes) => (arrived += String(bytes))),
    ).listen(0, '127.0.0.1');
    await once(foreign, 'listening');
  });
  afterAll(async () => {
    foreign.close();
    await vault.stop();
  });

  const loginAt = (addr: string, ...flags: readonly string[]) =>
    dsvault.run(['login', '--addr', addr, ...flags], { input: vault.token() });
  const login = (...flags: readonly string[]) => loginAt(vault.baseUrl(), ...flags);
  const profileOf = (name: string) => join(dsvault.folder, `.config/dsvault/${name}.json`);
  const token = (): string => `echo ${vault.token()}`;

  it('reads and writes with a profile that keeps the certificate authority, also with a token command', async () => {
    expect(vault.baseUrl()).toMatch(/^https:/);
    const kept = [
      await login('--profile', 'token', '--ca', files.caFile),
      await login('--profile', 'command', '--ca', files.caFile, '--token-command', token()),
      // A new login to the same address without `--ca` keeps the authority that the profile already
      // trusts.
      await login('--profile', 'token'),
    ];
    expect(kept).toMatchObject([{ code: 0 }, { code: 0 }, { code: 0 }]);
    writeFileSync(files.caFile, 'the profiles have copies');
    const { ca } = JSON.parse(readFileSync(profileOf('token'), 'utf8'));
    expect(ca).toBe(files.pair.ca);
    const elsewhere = vault.baseUrl().replace('127.0.0.1', 'localhost');
    expect(await loginAt(elsewhere, '--profile', 'token')).toMatchObject({ code: 7 });
    const written = await dsvault.run(['create', 'A', '--profile', 'token'], { input: 'one' });
    expect(written).toMatchObject({ code: 0 });
    const read = await dsvault.run(['get', 'A', '--profile', 'command']);
    expect(read).toMatchObject({ code: 0, stdout: 'one' });
    const { code, stdout } = await dsvault.run(['doctor', '--profile', 'token']);
    expect([code, stdout.match(/\b(ok|warning|failed)\b/g)]).toEqual([0, Array(5).fill('ok')]);
  });

  it('sends nothing to a server whose certificate is not trusted, and says what to do', async () => {
    const { port } = foreign.address() as AddressInfo;
    const addr = `https://127.0.0.1:${port}`;
    for (const profile of ['token', 'default']) {
      const env = { DSVAULT_TOKEN: vault.token() };
      const ran = await dsvault.run(['create', 'B', '--addr', addr, '--profile', profile], {
        input: 'v4lue',
        env,
      });
      expect(ran).toMatchObject({ code: 7, stdout: '' });
      const why = ran.stderr.replace(/\([A-Z_]+\)/, '(CODE)');
      expect(why).toBe(
        `dsvault: the certificate of ${addr} is not trusted (CODE): dsvault login --ca FILE${profile === 'default' ? '' : ` --profile ${profile}`} keeps the certificate of its authority (unreachable)\n`,
      );
    }
    expect(arrived).toBe('');
  });

  it("trusts the certificate that the vault recorded on this machine, and only at the vault's address", async () => {
    const here = { VAULT_DATA_DIR: vault.dataDir };
    const list = async (env: NodeJS.ProcessEnv, ...flags: readonly string[]) =>
      (await dsvault.run(['list', '--profile', 'local', ...flags], { env })).code;
    const made = await dsvault.run(['login', '--local', '--profile', 'local'], { env: here });
    expect([made.code, await list(here)]).toEqual([0, 0]);
    const relay = createTcpServer((socket) => {
      const onward = connect(Number(new URL(vault.baseUrl()).port), '127.0.0.1');
      socket
        .on('error', () => undefined)
        .pipe(onward.on('error', () => undefined))
        .pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const addr = `https://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const atRelay = await list({ ...here, DSVAULT_TOKEN: vault.token() }, '--addr', addr);
    relay.close();
    expect(atRelay).toBe(7);
    expect(await list({ VAULT_DATA_DIR: join(vault.dataDir, 'none') })).toBe(7);
  });

  it('passes the health check of the images, which only has to know that the vault serves HTTPS', async () => {
    const env = { ...files.variables, PORT: new URL(vault.baseUrl()).port };
    expect(await runLocal('health', [], env).exit).toBe(0);
    expect(await runLocal('health', [], { ...env, VAULT_TLS_CERT: '' }).exit).toBe(1);
  });

  it('keeps no profile if the file of --ca holds no certificate, or if the address is http', async () => {
    const refused = await Promise.all([
      login('--profile', 'bad', '--ca', join(vault.dataDir, 'none')),
      login('--profile', 'bad', '--ca', files.variables.VAULT_TLS_KEY),
      loginAt('http://127.0.0.1:9', '--profile', 'bad', '--ca', files.caFile),
    ]);
    expect(refused.map(({ code, stderr }) => [code, stderr])).toEqual([
      [
        1,
        'dsvault: cannot read the file of --ca (ENOENT): give a file with the certificates in PEM (failed)\n',
      ],
      [2, 'dsvault: the file of --ca does not contain a complete certificate in PEM (usage)\n'],
      [2, 'dsvault: --ca belongs to an address of https:// (usage)\n'],
    ]);
    expect(() => readFileSync(profileOf('bad'))).toThrow('ENOENT');
  });
});

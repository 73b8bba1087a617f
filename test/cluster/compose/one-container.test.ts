/**
 * `docker run`: a vault of one process in a container, with the commands of
 * docs/deploy/this-machine.md, and for its backup those of docs/deploy/backup.md.
 */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from '../../../host/process/data-folder.ts';
import { findFreePort } from '../../../host/process/ports.ts';
import { homeCommands } from '../../support/backup-page.ts';
import { freshCertificates } from '../../support/certificates.ts';
import { commandsBelow } from '../../support/console-blocks.ts';
import { freshFolder } from '../../support/local-process.ts';
import { openTerminal } from '../../support/terminal.ts';
import { until, untilSeen } from '../../support/until.ts';
import { clientEnvironment, docker, listeningIn, prepareDocker } from './containers.ts';

const name = 'vault-test-one';
const volumes = { data: `${name}-data`, restored: `${name}-restored` };
const folder = freshFolder();
let port = 0;

/**
 * Replaces the names in a command of the page, so that it does not touch containers of whoever uses
 * this machine.
 */
const replaced = (command: string): string =>
  command
    .replace('-f host/Dockerfile .', `-f ${root}/host/Dockerfile ${root}`)
    .replace('git rev-parse', `git -C ${root} rev-parse`)
    .replaceAll(/(?<=--name |exec (?:-i )?)vault\b/g, name)
    .replaceAll('-v vault:', `-v ${volumes.data}:`)
    .replaceAll('-v restored:', `-v ${volumes.restored}:`)
    .replaceAll('127.0.0.1:3000:', `127.0.0.1:${port}:`);

/** Runs commands of a page in one shell, and returns their output. */
const play = async (...commands: readonly string[]): Promise<string> => {
  const options = { cwd: folder, env: await clientEnvironment() };
  const script = commands.map(replaced).join('\n');
  return (await promisify(execFile)('bash', ['-euc', script], options)).stdout.trim();
};

const ask = async (path: string, token = '', body?: object) => {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  });
  return { ...((await reply.json()) as object), status: reply.status };
};
const inspect = (format: string) => docker('inspect', '--format', format, name);
const untilHealthy = (container: string) =>
  untilSeen(
    () => docker('inspect', '--format', '{{.State.Health.Status}}', container),
    (health) => health === 'healthy',
  );
const untilReady = () =>
  until(async () => (await ask('/health?ready').catch(() => undefined))?.status === 200);
/** Runs a command in a new container of the image, on one of the volumes, until it ends. */
const runOn = (data: string, ...words: readonly string[]) =>
  docker('run', '--rm', '-v', `${data}:/data`, 'secrets-vault', ...words);

const value = { name: 'DB_PASSWORD', value: 'hunter2' };
let token: string;

/**
 * Removes the containers and volumes of this test, including those of an earlier run that was cut
 * short.
 */
const removeAll = async (): Promise<void> => {
  const ignore = () => undefined;
  await docker('rm', '--force', '--volumes', name, `${name}-tls`).catch(ignore);
  await docker('volume', 'rm', '--force', ...Object.values(volumes)).catch(ignore);
};

beforeAll(async () => {
  await prepareDocker();
  await removeAll();
  port = await findFreePort();
  const [build = '', start = '', makeToken = ''] = commandsBelow(
    'docs/deploy/this-machine.md',
    'One container',
  ).map(({ command }) => command);
  await play(build, start);
  await untilReady();
  token = await play(makeToken);
});
afterAll(removeAll);

describe('docker run', () => {
  it('starts a vault that accepts a token made as the page says, and that Docker shows as healthy', async () => {
    expect(await ask('/v1/secrets', token, value)).toMatchObject({ status: 201 });
    await untilSeen(
      () => inspect('{{.State.Health.Status}}'),
      (health) => health === 'healthy',
    );
  });

  it('names the commit from which its image was built, and serves the description of the API', async () => {
    const git = await promisify(execFile)('git', ['-C', root, 'rev-parse', 'HEAD']);
    expect(await ask('/v1/status', token)).toMatchObject({ commit: git.stdout.trim() });
    const document = await fetch(`http://127.0.0.1:${port}/openapi.yaml`);
    expect(await document.text()).toBe(readFileSync(join(root, 'docs/openapi.yaml'), 'utf8'));
  });

  it('prints in its log a command that makes a token in the container', async () => {
    const log = await docker('logs', name);
    const [, command = ''] = /^a token to try it, in this container: (.*)$/m.exec(log) ?? [];
    const made = await docker('exec', name, 'sh', '-c', command);
    expect(await ask('/v1/secrets/NONE', made)).toMatchObject({ status: 404 });
  });

  it('prints, at a terminal, neither npm nor dsvault, which the image does not contain', async () => {
    const words = ['docker', 'run', '--rm', '-it', '--name', `${name}-tty`, 'secrets-vault'];
    const terminal = openTerminal(words.join(' '), await clientEnvironment());
    await terminal.shows(/\/v1\/secrets\n/);
    await terminal.interrupt();
    expect(terminal.seen()).not.toMatch(/npm|dsvault/);
  });

  it.each([
    ['token.ts', '--help'],
    ['node.ts'],
    ['restore.ts', '/vault/package.json'],
    ['key.ts', '--help'],
  ])('prints no npm command, which the image does not know: %s', async (program, ...words) => {
    const run = docker('run', '--rm', 'secrets-vault', `host/bin/${program}`, ...words);
    const told = await run.catch((error: { readonly stderr: string }) => error.stderr);
    expect(told).not.toMatch(/npm/);
  });

  it('runs as an unprivileged user without capabilities, who cannot write to the code, and listens beyond loopback only on one port', async () => {
    expect(await docker('exec', name, 'id', '-u')).toBe('1000');
    await expect(docker('exec', name, 'sh', '-c', 'echo > /vault/x')).rejects.toThrow(/ead-only/);
    const status = await docker('exec', name, 'cat', '/proc/1/status');
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const beyond = (await listeningIn(name)).filter((address) => !address.startsWith('127.'));
    expect(beyond).toEqual(['0.0.0.0:3000']);
  });

  it('refuses a second container on the volume, and a folder of another user, in one sentence', async () => {
    await expect(runOn(volumes.data)).rejects.toMatchObject({
      code: 1,
      stderr:
        'another vault is using the data folder /data: stop it, or set VAULT_DATA_DIR to another folder\n',
    });
    await expect(runOn(freshFolder())).rejects.toMatchObject({
      code: 78,
      stderr:
        'cannot write to the data folder /data (EACCES): let this user write there, or set VAULT_DATA_DIR to another folder\n',
    });
  });

  it('ends by itself within the grace period of docker stop, and keeps data and tokens across a restart', async () => {
    await docker('stop', name);
    expect(await inspect('{{.State.ExitCode}}')).toBe('0');
    await docker('start', name);
    await untilReady();
    expect(await ask('/v1/secrets/DB_PASSWORD', token)).toMatchObject(value);
  });

  it('serves HTTPS with the certificate in a mounted folder, and is healthy', async () => {
    const tls = freshFolder();
    chmodSync(tls, 0o755);
    const { ca, certificate, key } = await freshCertificates();
    writeFileSync(join(tls, 'cert.pem'), certificate);
    writeFileSync(join(tls, 'key.pem'), key, { mode: 0o640 });
    chownSync(join(tls, 'key.pem'), 0, 1000);
    const httpsPort = await findFreePort();
    const page = readFileSync('docs/deploy/this-machine.md', 'utf8').replaceAll(/\s+/g, ' ');
    const words = /`(-v \/etc\/vault\/tls.*?)`/.exec(page)?.[1]?.replace('/etc/vault/tls', tls);
    const published = `127.0.0.1:${httpsPort}:3000`;
    const options = ['--name', `${name}-tls`, '-p', published, ...(words?.split(' ') ?? [])];
    await docker('run', '--detach', ...options, 'secrets-vault');
    await untilHealthy(`${name}-tls`);
    const status = await new Promise((resolve, reject) => {
      const url = `https://127.0.0.1:${httpsPort}/health?ready`;
      get(url, { ca }, (reply) => resolve(reply.statusCode)).on('error', reject);
    });
    expect(status).toBe(200);
  });

  it('is backed up into files that only their owner can read, and is restored into another volume', async () => {
    const page = homeCommands('[one container]', '**One container.**');
    const begin = [page.define, 'FILE=/data/vault.backup'];
    await play(...begin, ...page.backUp, `${page.log} > vault.log`);
    for (const file of ['kms.json', 'vault.backup']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    expect(await play(...begin, page.preview)).toMatch(/^A restore would lose nothing\.$/m);
    const [restore = '', verify = '', redo = ''] = page.restore;
    const restored = await play(...begin, ...page.empty, restore, verify, `${redo} 2>&1`);
    const [, printed = ''] = /^Now verify them: node (.*)$/m.exec(restored) ?? [];
    expect(await runOn(volumes.restored, ...printed.split(' '))).toMatch(/no violations$/);
    expect(restored).toMatch(
      /^verified the whole table: no violations\n0 versions destroyed again/m,
    );
  });
});

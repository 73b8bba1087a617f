/** `docker run`: the vault of one process in a container, by the commands of docs/deploy/this-machine.md. */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from '../../../local/process/data-folder.ts';
import { findFreePort } from '../../../local/process/ports.ts';
import { freshCertificates } from '../../support/certificates.ts';
import { commandsBelow } from '../../support/console-blocks.ts';
import { freshFolder } from '../../support/local-process.ts';
import { until, untilSeen } from '../../support/until.ts';
import { clientEnvironment, docker, listeningIn, prepareDocker } from './containers.ts';

const name = 'vault-test-one';
const volumes = { data: `${name}-data`, restored: `${name}-restored` };
const folder = freshFolder();
let port = 0;

/** The page's commands with names of their own, so that they touch no container of this machine's user. */
const replaced = (command: string): string =>
  command
    .replace('-f local/containers/Dockerfile .', `-f ${root}/local/containers/Dockerfile ${root}`)
    .replaceAll(/(?<=--name |exec )vault\b/g, name)
    .replaceAll('-v vault:', `-v ${volumes.data}:`)
    .replaceAll('-v restored:', `-v ${volumes.restored}:`)
    .replaceAll('127.0.0.1:3000:', `127.0.0.1:${port}:`);

const commands = commandsBelow('docs/deploy/this-machine.md', 'One container').map(
  ({ command }) => command,
);
let done = 0;
/** Runs the page's next commands up to the one that contains these words, in one shell. Returns what they print. */
const play = async (words: string): Promise<string> => {
  const end = commands.findIndex((command, index) => index >= done && command.includes(words)) + 1;
  if (end === 0) throw new Error(`the page has no further command with ${words}`);
  const script = commands.slice(done, end).map(replaced).join('\n');
  done = end;
  const options = { cwd: folder, env: await clientEnvironment() };
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
  until(async () => (await ask('/health?ready').catch(() => undefined))?.status === 200, 30_000);
/** A container of the image on one of the volumes, which ends by itself. */
const runOn = (data: string, ...words: readonly string[]) =>
  docker('run', '--rm', '-v', `${data}:/data`, 'secrets-vault', ...words);

const value = { name: 'DB_PASSWORD', value: 'hunter2' };
let token: string;

/** Removes the containers and volumes of this test, also those that a run left that was ended early. */
const removeAll = async (): Promise<void> => {
  const ignore = () => undefined;
  await docker('rm', '--force', '--volumes', name, `${name}-tls`).catch(ignore);
  await docker('volume', 'rm', '--force', ...Object.values(volumes)).catch(ignore);
};

beforeAll(async () => {
  await prepareDocker();
  await removeAll();
  port = await findFreePort();
  await play('docker run -d');
  await untilReady();
  token = await play('token.ts');
});
afterAll(removeAll);

describe('docker run', () => {
  it('starts a vault that takes the token of the page, and that Docker shows as healthy', async () => {
    expect(await ask('/v1/secrets', token, value)).toMatchObject({ status: 201 });
    await untilSeen(
      () => inspect('{{.State.Health.Status}}'),
      (health) => health === 'healthy',
    );
  });

  it('runs as a plain user without capabilities, who can change nothing but the data', async () => {
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
      code: 1,
      stderr: 'cannot write to the data folder /data (EACCES)\n',
    });
  });

  it('ends by itself within the grace of docker stop, and keeps data and tokens over a restart', async () => {
    await docker('stop', name);
    expect(await inspect('{{.State.ExitCode}}')).toBe('0');
    await docker('start', name);
    await untilReady();
    expect(await ask('/v1/secrets/DB_PASSWORD', token)).toMatchObject(value);
  });

  it('serves HTTPS by the files of a mounted folder, and is healthy', async () => {
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

  it('is backed up into files for their owner only, and restored into another volume', async () => {
    await play('rm /data/vault.backup');
    for (const file of ['kms.json', 'vault.backup']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    await play('restore.ts /data');
    expect(await play('--verify')).toMatch(/verified the whole table: no violations$/);
    expect(await play('--redo-destroys')).toMatch(/^0 versions destroyed again/);
    expect(done).toBe(commands.length);
  });
});

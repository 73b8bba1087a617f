/**
 * Without an identity provider, a line of authorized_keys can decide whose token an SSH key gets.
 * This test uses a real sshd, a real ssh, and the line in docs/access.md.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { claimsOf, expiresAtMs } from '../../cli/requests/token.ts';
import { endChild, startChild } from '../../host/process/supervisor.ts';
import { isRunning } from '../../system/process-starts.ts';
import { findProgram } from '../../system/programs.ts';
import { type Dsvault, openDsvault } from '../support/dsvault.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { freshFolder } from '../support/local-process.ts';
import { type RunningVault, startVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const folder = freshFolder();
const keys = ['host', 'alice', 'bob'] as const;
const publicKeys = new Map<string, string>();
const [documented = ''] =
  /^restrict,command=.*$/m.exec(readFileSync('docs/access.md', 'utf8')) ?? [];

let vault: RunningVault;
let dsvault: Dsvault;
let sshd: ChildProcess;
let port: number;
const clientConfig = join(folder, 'ssh_config');

/**
 * Returns the line of authorized_keys for a person whose tokens are valid for `ttl`, for example
 * `1h`.
 */
const lineOf = (person: 'alice' | 'bob', ttl: string): string =>
  documented
    .replace('/opt/vault', process.cwd())
    .replace('/var/lib/vault', vault.dataDir)
    .replace('--sub alice --ttl 1h', `--sub ${person} --ttl ${ttl}`)
    .replace(/ssh-ed25519 .*$/, publicKeys.get(person) ?? '');
const authorize = (...lines: readonly string[]): void =>
  writeFileSync(join(folder, 'authorized_keys'), lines.map((line) => `${line}\n`).join(''));

const ssh = (...words: readonly string[]) =>
  dsvault.run(['-F', clientConfig, ...words], { program: 'ssh' });
const commandOf = (person: string, ...options: readonly string[]): string =>
  ['ssh', '-F', clientConfig, ...options, '-T', person].join(' ');

beforeAll(async () => {
  for (const key of keys) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
    publicKeys.set(key, readFileSync(join(folder, `${key}.pub`), 'utf8').trim());
  }
  [port = 0] = await findFreePorts(1);
  const server = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    `PidFile ${folder}/sshd.pid`,
    `SetEnv PATH="${process.env['PATH']}"`,
    'Subsystem sftp internal-sftp',
    // sshd would otherwise check who may write to the parent folders, such as /tmp.
    'StrictModes no',
    ...['UsePAM no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no'],
  ];
  const client = [
    `HostName 127.0.0.1`,
    `Port ${port}`,
    `User ${userInfo().username}`,
    `IdentityFile ${folder}/%n`,
    `UserKnownHostsFile ${folder}/known_hosts`,
    ...['IdentitiesOnly yes', 'BatchMode yes'],
  ];
  writeFileSync(join(folder, 'sshd_config'), `${server.join('\n')}\n`);
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${publicKeys.get('host')}\n`);
  writeFileSync(clientConfig, `${client.join('\n')}\n`);
  // If sshd runs as root, it needs this folder for privilege separation. Normally its service makes
  // it.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const program = findProgram('sshd', ['/usr/sbin']) ?? 'sshd';
  sshd = startChild(program, ['-D', '-e', '-f', join(folder, 'sshd_config')], folder);
  let printed = '';
  sshd.stderr?.on('data', (chunk) => (printed += chunk));
  vault = await startVault();
  dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl() });
  await until(() => printed.includes('Server listening'));
});
afterAll(async () => {
  await Promise.all([endChild(sshd, 1_000), vault.stop()]);
});
beforeEach(() => authorize(lineOf('alice', '1h'), lineOf('bob', '1h')));

const mark = join(folder, 'mark');
const hostile = [
  `echo --sub bob; touch ${mark}; $(touch ${mark}) \`touch ${mark}\` && touch ${mark} | touch ${mark}`,
  `" touch ${mark} ' > ${mark}`,
].join('\n');

describe('the SSH key of a person', () => {
  it.each<[string, readonly string[]]>([
    ['nothing', ['-T', 'alice']],
    ['another subject, and commands of a shell', ['alice', hostile]],
    ['sftp', ['-s', 'alice', 'sftp']],
  ])('gets a token for its subject, and runs nothing, when it asks for %s', async (_, words) => {
    const ran = await ssh(...words);
    expect(ran.code).toBe(0);
    expect(claimsOf(ran.stdout.trim())).toMatchObject({ tenant: 'acme', sub: 'alice' });
    expect(existsSync(mark)).toBe(false);
  });

  it.each<[string, readonly string[], string]>([
    ['to a port of the machine', ['-W', '127.0.0.1:1'], 'administratively prohibited'],
    [
      'back to the client',
      ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:1'],
      'remote port forwarding failed',
    ],
    ['to a shell in a terminal', ['-tt'], 'PTY allocation request failed'],
  ])('opens no way %s', async (_, options, stderr) => {
    const refused = { code: 255, stderr: expect.stringContaining(stderr) };
    expect(await ssh(...options, 'alice')).toMatchObject(refused);
  });
});

describe('dsvault login --token-command ssh', () => {
  type Caller = { readonly subject: string; readonly expires: string };
  const whoami = async (command: string): Promise<Caller> => {
    const env = { DSVAULT_TOKEN_COMMAND: command };
    return JSON.parse((await dsvault.run(['whoami', '--json'], { env })).stdout);
  };
  /**
   * Runs `dsvault` with these options for ssh, and returns its exit code and messages. Each test
   * passes different options, so that it uses no token that was kept for the command of another
   * test.
   */
  const refusalOf = async (...options: readonly string[]) => {
    const env = { DSVAULT_TOKEN_COMMAND: commandOf('alice', ...options) };
    const { code, stderr } = await dsvault.run(['list'], { env });
    return [code, ...stderr.trim().split(/\r?\n/)];
  };
  const command = 'the token command of DSVAULT_TOKEN_COMMAND';
  const refused = (reason: string) => [
    5,
    expect.stringContaining(reason),
    `dsvault: ${command} ended with exit code 255: run it by itself to see why (unauthenticated)`,
  ];

  it('reads secrets as the person of the key, and fetches the next token before one expires', async () => {
    authorize(lineOf('alice', '31s'), lineOf('bob', '1h'));
    const login = ['login', '--profile', 'alice', '--token-command', commandOf('alice')];
    expect(await dsvault.run(login)).toMatchObject({ code: 0 });
    const profile = join(dsvault.folder, '.config/dsvault/alice.json');
    expect(JSON.parse(readFileSync(profile, 'utf8'))).not.toHaveProperty('token');
    const bob = { DSVAULT_TOKEN_COMMAND: commandOf('bob') };
    const created = await dsvault.run(['create', 'app.KEY'], { env: bob, input: 'v' });
    expect(created.code).toBe(0);
    const read = ['get', 'app.KEY', '--profile', 'alice'];
    expect(await dsvault.run(read)).toMatchObject({ code: 0, stdout: 'v', stderr: '' });

    const first = await whoami(commandOf('alice'));
    await until(() => Date.now() > Date.parse(first.expires) - 30_000);
    const second = await whoami(commandOf('alice'));
    expect([first.subject, second.subject]).toEqual(['alice', 'alice']);
    expect(Date.parse(second.expires)).toBeGreaterThan(Date.parse(first.expires));
    expect((await whoami(commandOf('bob'))).subject).toBe('bob');
  });

  it('fails once the line of authorized_keys is removed, and the vault refuses the last token when it has expired', async () => {
    authorize(lineOf('alice', '3s'), lineOf('bob', '1h'));
    const token = (await ssh('-T', 'alice')).stdout.trim();
    const ask = async () => (await vault.call('GET', '/v1/secrets', { token })).status;
    expect(await ask()).toBe(200);
    authorize(lineOf('bob', '1h'));
    expect(await refusalOf('-4')).toEqual(refused('Permission denied (publickey).'));
    expect(await untilSeen(ask, (status) => status !== 200)).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs(token) ?? Number.POSITIVE_INFINITY);
    expect((await whoami(commandOf('bob'))).subject).toBe('bob');
  });

  it.each([
    [
      'does not know the host',
      ['-o', 'UserKnownHostsFile=/dev/null'],
      'Host key verification failed.',
    ],
    ['cannot reach the host', ['-p', '1'], 'Connection refused'],
  ])('shows what ssh says, and that it got no token, if ssh %s', async (_, options, reason) => {
    expect(await refusalOf(...options)).toEqual(refused(reason));
  });

  it('still gets tokens over an ssh connection from before the line was removed, until the sshd of that connection ends', async () => {
    const [path, sharing] = ['ControlPath', join(folder, 'shared')];
    const words = ['-N', '-o', 'ControlMaster=yes', '-o', `${path}=${sharing}`];
    const open = dsvault.start(['-F', clientConfig, ...words, 'alice'], { program: 'ssh' });
    await until(() => existsSync(sharing));
    authorize();
    const ask = () => ssh('-o', `${path}=${sharing}`, 'alice');
    expect(claimsOf((await ask()).stdout.trim())).toMatchObject({ sub: 'alice' });
    const children = readFileSync(`/proc/${sshd.pid}/task/${sshd.pid}/children`, 'utf8');
    let isOpen = true;
    const ended = open.ran.then(() => {
      isOpen = false;
    });
    // sshd notices a signal that arrives while it is busy only when the next one wakes it up.
    await until(() => {
      for (const pid of children.trim().split(' ')) if (isRunning(Number(pid))) process.kill(+pid);
      return !isOpen;
    });
    await ended;
    expect(await ask()).toMatchObject({ code: 255, stdout: '' });
  });
});

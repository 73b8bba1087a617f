/**
 * `dsvault` repeats requests when answers are lost, late or wrong. Idempotency keys keep that from
 * taking effect twice.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openConsoleSession } from '../../support/console-session.ts';
import { type Dsvault, openDsvault } from '../../support/dsvault.ts';
import { type FaultyFront, type Plan, startFaultyFront } from '../../support/faulty-front.ts';
import { freshName, useVault } from '../../support/running-vault.ts';
import { until } from '../../support/until.ts';

const vault = useVault();
let front: FaultyFront;
let dsvault: Dsvault;
beforeAll(async () => {
  front = await startFaultyFront(vault.baseUrl);
  dsvault = openDsvault({ DSVAULT_ADDR: front.url, DSVAULT_TOKEN: vault.token() });
});
afterAll(() => front.close());

const canary = 'c4n4ry';
const problem = (code: string, retryable: boolean) =>
  JSON.stringify({
    type: 'about:blank',
    title: code,
    status: 503,
    code,
    detail: 'told',
    requestId: 'r',
    retryable,
  });
const refuse = (status: number, code: string, retryable: boolean, headers = {}) => ({
  status,
  headers: { 'Content-Type': 'application/problem+json', ...headers },
  body: problem(code, retryable),
});
const versionsOf = async (name: string) => {
  const path = `/v1/secrets/${name}/versions`;
  return (await vault.ask('GET', path)).json.versions?.length;
};
const create = () => vault.create(canary);
const keys = () => front.seen().map(({ headers }) => headers['idempotency-key']);

describe('a write of dsvault', () => {
  it('takes effect once when the answer was lost', async () => {
    const name = freshName();
    front.plan('lose');
    expect(await dsvault.run(['create', name], { input: canary })).toMatchObject({ code: 0 });
    front.plan('lose', 'lose');
    expect(await dsvault.run(['update', name], { input: canary })).toMatchObject({ code: 0 });
    expect(await versionsOf(name)).toBe(2);
  });

  it('deletes, restores and destroys once when the answer was lost', async () => {
    const name = await create();
    front.plan('lose');
    expect(await dsvault.run(['delete', name])).toMatchObject({ code: 0 });
    // restore reads the list of versions and the value before it writes.
    front.plan('pass', 'pass', 'lose');
    expect(await dsvault.run(['restore', name])).toMatchObject({ code: 0 });
    expect(await versionsOf(name)).toBe(3);
    front.plan('lose');
    const destroyed = await dsvault.run(['destroy', `${name}@1`]);
    expect(destroyed).toMatchObject({ code: 0, stdout: expect.stringContaining('destroyed at') });
    front.plan('lose');
    const lost = await dsvault.run(['destroy', `${name}@1`, '--retries', '0']);
    // A destruction can simply be repeated, so the message names no idempotency key.
    expect(lost).toMatchObject({ code: 7, stderr: expect.not.stringContaining('idempotency-key') });
  });

  it('destroys the rest when destroy --all is repeated after a failure', async () => {
    const name = await create();
    for (const value of ['v2', 'v3']) await vault.ask('PUT', `/v1/secrets/${name}`, { value });
    const destroyAll = ['destroy', name, '--all', '--yes'];
    front.plan('pass', 'pass', refuse(500, 'internal', false));
    const failed = await dsvault.run(destroyAll);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('version 1, 1 of 2') });
    expect(await dsvault.run(destroyAll)).toMatchObject({
      code: 0,
      stdout: `${name}: 1 value destroyed\n`,
    });
  });

  it('uses one idempotency key for all its attempts and a new one for the next write, and prints it with --verbose', async () => {
    const name = await create();
    front.plan('drop', refuse(503, 'outcome_unknown', true));
    const first = await dsvault.run(['update', name, '--verbose'], { input: canary });
    const used = keys();
    expect(used).toHaveLength(3);
    expect(new Set(used).size).toBe(1);
    expect(first.stderr).toContain(used[0]);
    await dsvault.run(['update', name], { input: canary });
    expect(keys().at(-1)).not.toBe(used[0]);
  });

  it('prints its idempotency key when the outcome stays unknown, and has no second effect when repeated with that key', async () => {
    const name = await create();
    front.plan('lose', 'drop');
    const lost = await dsvault.run(['update', name, '--retries', '1'], { input: canary });
    expect(lost.code).toBe(7);
    const key = /--idempotency-key (\S+)/.exec(lost.stderr)?.[1] ?? '';
    const again = await dsvault.run(['update', name, '--idempotency-key', key], { input: canary });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('version 2') });
    expect(await versionsOf(name)).toBe(2);
    const other = ['update', name, '--idempotency-key', key];
    expect(await dsvault.run(other, { input: `${canary}2` })).toMatchObject({ code: 4 });
  });
});

describe('the idempotency key of a write', () => {
  const toldAfter = async (...plans: readonly Plan[]): Promise<boolean> => {
    front.plan(...plans);
    const flags = ['--retries', String(plans.length - 1)];
    const { code, stderr } = await dsvault.run(['create', freshName(), ...flags], {
      input: canary,
    });
    expect(code).not.toBe(0);
    return stderr.includes(`--idempotency-key ${keys()[0]}`);
  };

  it('is printed after every answer that leaves the outcome open, and not after a plain refusal', async () => {
    expect(await toldAfter({ status: 201, body: '{' })).toBe(true);
    expect(await toldAfter({ status: 201, body: '{}' })).toBe(true);
    expect(await toldAfter({ status: 408, body: 'slow' })).toBe(true);
    expect(await toldAfter(refuse(500, 'internal', false))).toBe(true);
    expect(await toldAfter('drop', refuse(401, 'unauthenticated', false))).toBe(true);
    expect(await toldAfter(refuse(401, 'unauthenticated', false))).toBe(false);
  });

  it('is printed if an answer was lost and the token command then fails', async () => {
    const command = join(dsvault.folder, 'issue');
    const env = { DSVAULT_TOKEN: '', DSVAULT_TOKEN_COMMAND: command };
    writeFileSync(command, `#!/bin/sh\necho ${vault.token()}\n`, { mode: 0o755 });
    expect(await dsvault.run(['list'], { env })).toMatchObject({ code: 0 });
    writeFileSync(command, '#!/bin/sh\nexit 1\n');
    front.plan('drop', refuse(401, 'unauthenticated', false));
    const ran = await dsvault.run(['create', freshName()], { env, input: canary });
    expect(ran).toMatchObject({ code: 5, stderr: expect.stringContaining('ended with exit code') });
    expect(ran.stderr).toContain(`--idempotency-key ${keys()[0]}`);
  });
});

describe('dsvault explain', () => {
  it('says when another master key than the usable one has sealed the value, and when the master key does not answer', async () => {
    const name = await create();
    const { json } = await vault.ask('GET', `/v1/secrets/${name}/explain`);
    const told = async (state: string, sealedCurrent: boolean | null) => {
      const body = JSON.stringify({ ...json, masterKey: { state, id: null, sealedCurrent } });
      front.plan({ status: 200, body });
      return (await dsvault.run(['explain', name])).stdout;
    };
    expect(await told('usable', false)).toMatch(/sealed with a different one, [\w-]{36}\n/);
    expect(await told('usable', null)).toMatch(/master key +can be used\n/);
    expect(await told('unreachable', null)).toMatch(/master key +cannot .* does not answer\n/);
  });
});

describe('a request of dsvault', () => {
  it('is retried if that may help, at most as often as allowed', async () => {
    const name = await create();
    front.plan(refuse(503, 'store_unavailable', true), { status: 502, body: canary }, 'drop');
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 0, stdout: canary });
    front.plan(refuse(408, 'request_timeout', true), { status: 408, body: canary });
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 0, stdout: canary });
    front.plan('drop', 'drop', 'drop');
    expect(await dsvault.run(['get', name, '--retries', '2'])).toMatchObject({ code: 7 });
    expect(front.seen()).toHaveLength(3);
    front.plan(refuse(503, 'master_key_unavailable', false));
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 8 });
    expect(front.seen()).toHaveLength(1);
  });

  it('waits as long as Retry-After asks, but fails at once if that would be minutes', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '2' }));
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 0 });
    const [first, second] = front.seen();
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_990);
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '600' }));
    expect(await dsvault.run(['get', name])).toMatchObject({ code: 7 });
    expect(front.seen()).toHaveLength(1);
  });

  it('ignores a negative Retry-After', async () => {
    const name = await create();
    front.plan(refuse(429, 'throttled', true, { 'Retry-After': '-5' }));
    const { code, stderr } = await dsvault.run(['get', name]);
    expect([code, stderr.trimEnd().split('\n')]).toEqual([0, [expect.stringContaining('told')]]);
  });

  it('mentions its retries once on stderr, and not with --json', async () => {
    const name = await create();
    const nowhere = ['--addr', 'http://127.0.0.1:9', '--retries', '2'];
    const reason =
      /^dsvault: cannot reach http:\/\/127.0.0.1:9 \(.*\); dsvault tries again, up to 2 times\n/;
    const lost = await dsvault.run(['list', ...nowhere]);
    expect(lost).toMatchObject({ code: 7, stderr: expect.stringMatching(reason) });
    expect(lost.stderr.match(/tries again/g)).toHaveLength(1);
    front.plan('drop', 'drop');
    const found = await dsvault.run(['get', name]);
    expect(found).toMatchObject({ code: 0, stdout: canary });
    expect(found.stderr.match(/tries again/g)).toHaveLength(1);
    const json = await dsvault.run(['list', ...nowhere, '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'unreachable' });
  });

  it('ends after its --timeout', async () => {
    front.plan('hang');
    const ran = await dsvault.run(['list', '--timeout', '0.3', '--retries', '0']);
    expect(ran).toMatchObject({ code: 7, stderr: expect.stringContaining('within 0.3 s') });
  });

  it('follows no redirect, because that could send the token elsewhere', async () => {
    front.plan({ status: 307, headers: { Location: `${vault.baseUrl()}/v1/secrets` } });
    expect(await dsvault.run(['list'])).toMatchObject({ code: 1 });
  });

  it('fails if the answer is not from a vault', async () => {
    for (const status of [200, 404, 500]) {
      front.plan({ status, body: canary });
      const ran = await dsvault.run(['list', '--retries', '0']);
      expect(ran.code).toBe(status === 500 ? 7 : 1);
    }
  });

  it('ends a list with an error if a cursor repeats', async () => {
    const page = { status: 200, body: JSON.stringify({ names: ['A'], nextCursor: 'c' }) };
    front.plan(page, page);
    const ran = await dsvault.run(['list']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(
      /^dsvault: a cursor of the list came again.*\(unexpected_reply\)\n$/,
    );
  });

  it('ends before its timeout when replies are longer than 32 MiB', async () => {
    const endless = { status: 200, body: ' '.repeat(40_000_000) };
    front.plan(endless, endless);
    const doctor = await dsvault.run(['doctor', '--json', '--timeout', '300']);
    const [, reach, clock] = JSON.parse(doctor.stdout).checks;
    expect(reach).toMatchObject({ state: 'failed', about: expect.stringContaining('32 MiB') });
    expect(clock).toMatchObject({ state: 'ok' });
  });

  it('starts no program for run if the answer has a variable that the file does not have', async () => {
    const content = JSON.stringify({ A: '1', LD_PRELOAD: canary });
    const body = { content, created: [], resolved: [], warnings: [], tag: 't' };
    front.plan({ status: 200, body: JSON.stringify(body) });
    const ran = await dsvault.run(['run', '-f', '-', '--', 'env'], { input: 'A=1\n' });
    expect(ran).toMatchObject({ code: 125, stdout: '' });
    expect(ran.stderr).toContain('variables that the file does not have');
  });

  it('is printed by --curl without token and value, and not sent', async () => {
    const [name, token] = [freshName(), vault.token()];
    front.plan();
    const printed = await dsvault.run(['create', name, '--curl'], {
      input: canary,
      env: { DSVAULT_TOKEN: token },
    });
    expect(printed.code).toBe(0);
    expect(printed.stdout).toMatch(/^curl -X POST/);
    expect(printed.stdout).toMatch(/Idempotency-Key: [\w-]{36}/);
    for (const secret of [canary, Buffer.from(canary).toString('base64'), token]) {
      expect(printed.stdout + printed.stderr).not.toContain(secret);
    }
    await dsvault.run(['env', 'expand', '-', '--curl'], { input: `A=${canary}` });
    expect(front.seen()).toHaveLength(0);
  });
});

describe('the token of a profile', () => {
  afterAll(() => rmSync(join(dsvault.folder, '.config'), { recursive: true }));

  const own = 'http://127.0.0.1:9';
  const started = () => join(dsvault.folder, 'started');
  // A profile as release 2.0.0 has stored it.
  const keep = (name: string, how: object) => {
    const folder = join(dsvault.folder, '.config/dsvault');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ addr: own, ...how }), {
      mode: 0o600,
    });
  };

  it.each<{
    title: string;
    args: readonly string[];
    env?: NodeJS.ProcessEnv;
    profile?: string;
    code?: number;
    told?: string;
  }>([
    { title: '--addr', args: ['list', '--addr', 'FRONT'] },
    { title: 'DSVAULT_ADDR', args: ['list'], env: { DSVAULT_ADDR: 'FRONT' } },
    { title: 'a path', args: ['list', '--addr', 'FRONT/9'] },
    {
      title: 'a profile that has a token command',
      args: ['list', '--addr', 'FRONT', '--profile', 'command'],
      profile: 'command',
    },
    {
      title: 'a profile whose address is not valid',
      args: ['list', '--addr', 'FRONT', '--profile', 'malformed'],
      told: 'the address of profile malformed is not valid: log in again with dsvault login --local --profile malformed --addr FRONT ',
    },
    { title: 'run', args: ['run', '-f', '-', '--addr', 'FRONT', '--', 'true'], code: 125 },
    { title: 'doctor', args: ['doctor', '--addr', 'FRONT'] },
    { title: 'console', args: ['console', '--no-open', '--addr', 'FRONT'] },
    {
      title: 'login, whose DSVAULT_ADDR is not what the user has typed',
      args: ['login', '--token-command', 'touch STARTED'],
      env: { DSVAULT_ADDR: 'FRONT' },
      code: 2,
    },
  ])(
    'goes to no other address, with $title',
    async ({ args, env = {}, profile, code = 5, told }) => {
      keep('default', { token: vault.token() });
      keep('command', { tokenCommand: ['touch', started()] });
      keep('malformed', { addr: 'vault.example.com', token: vault.token() });
      front.plan();
      const filled = (text = '') => text.replace('FRONT', front.url).replace('STARTED', started());
      const ran = await dsvault.run(args.map(filled), {
        input: 'A=1\n',
        env: { DSVAULT_TOKEN: '', DSVAULT_ADDR: filled(env['DSVAULT_ADDR']) },
      });
      expect(ran.code).toBe(code);
      expect(ran.stdout + ran.stderr).toMatch(
        code === 2
          ? `profile default is for ${own}, and this login is for ${front.url}: `
          : filled(told) || `the token of profile ${profile ?? 'default'} is only for ${own}, and `,
      );
      expect(front.seen().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
      expect(existsSync(started())).toBe(false);
    },
  );
});

describe('a name that the vault does not show', () => {
  const list = (...names: readonly string[]) => ({
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ names, nextCursor: 'more' }),
  });
  const refused = refuse(403, 'forbidden', false);

  it.each<{ title: string; answer: Plan; told: string }>([
    { title: 'has a similar name', answer: list('API_KEY'), told: 'did you mean API_KEY?' },
    { title: 'has no similar name', answer: list('OTHER'), told: 'dsvault list prints' },
    { title: 'has an invalid name', answer: list('API_KE\u001b'), told: 'dsvault list prints' },
    { title: 'is a refusal', answer: refused, told: 'dsvault list prints' },
    { title: 'is a retryable 503', answer: refuse(503, 'x', true), told: 'dsvault list prints' },
    { title: 'is malformed', answer: { status: 200, body: '{' }, told: 'dsvault list prints' },
    { title: 'never arrives', answer: 'hang', told: 'dsvault list prints' },
  ])('lists names once and still exits with 3 if the list $title', async (row) => {
    front.plan('pass', row.answer);
    const ran = await dsvault.run(['get', 'API_KYE']);
    expect(ran).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining(row.told) });
    expect(ran.stderr.split('\n')).toHaveLength(2);
    expect(front.seen()).toHaveLength(2);
  });

  it('is not looked for with another token, which a slow token command would make', async () => {
    const command = join(dsvault.folder, 'counted');
    const runs = join(dsvault.folder, 'runs');
    const script = `#!/bin/sh\necho run >> ${runs}\necho ${vault.token()}\n`;
    writeFileSync(command, script, { mode: 0o700 });
    const env = { DSVAULT_TOKEN: '', DSVAULT_TOKEN_COMMAND: command };
    front.plan('pass', 'pass', refuse(401, 'unauthenticated', false));
    // The command's token is kept, so the vault may refuse it later.
    expect(await dsvault.run(['list'], { env })).toMatchObject({ code: 0 });
    const ran = await dsvault.run(['get', 'API_KYE'], { env });
    expect(ran).toMatchObject({ code: 3, stderr: expect.stringContaining('dsvault list prints') });
    expect(readFileSync(runs, 'utf8')).toBe('run\n');
  });

  it('does not list names with --json, or if the command succeeds', async () => {
    front.plan();
    expect(await dsvault.run(['get', 'API_KYE', '--json'])).toMatchObject({ code: 3 });
    expect(await dsvault.run(['explain', 'API_KYE'])).toMatchObject({ code: 0 });
    expect(front.seen()).toHaveLength(2);
  });
});

describe('a request that lasts more than a second', () => {
  const told = /waiting for the vault, \d+ s/;

  it('shows at a terminal that dsvault is waiting, and erases that line at the end', async () => {
    front.plan('hang', 'pass');
    const { stdout } = await dsvault.run(['list', '--timeout', '1.5'], { terminal: true });
    expect(stdout).toMatch(told);
    // A terminal shows only what follows the last carriage return of a line.
    const shown = (line: string) => line.split('\r').findLast(Boolean)?.replaceAll('\u001b[K', '');
    const lines = stdout.split('\n').map(shown);
    expect(lines.filter((line) => told.test(line ?? ''))).toEqual([]);
    expect(lines.join()).toContain('dsvault tries again');
  });

  it('shows no waiting line while the program of run has the terminal', async () => {
    writeFileSync(join(dsvault.folder, 'app.env'), `A=secret(${await create()})\n`);
    front.plan('pass', 'hang');
    const watch = ['run', '--watch', '--interval', '0.1', '--timeout', '60', '-f', 'app.env'];
    const program = ['sh', '-c', 'until [ -e ended ]; do sleep 0.1; done'];
    const { ran } = dsvault.start([...watch, '--', ...program], { terminal: true });
    await until(() => front.seen().length === 2);
    // Half a second longer than dsvault waits before it shows the line.
    await sleep(1_500);
    writeFileSync(join(dsvault.folder, 'ended'), '');
    expect(await ran).toMatchObject({ code: 0, stdout: '' });
  });

  it('shows no waiting line if the page of the console has sent it', async () => {
    front.plan('hang');
    const command = ['console', '--no-open', '--timeout', '1.5'];
    const started = dsvault.start(command, { terminal: true, open: true });
    await started.prints('press Enter');
    const folder = join(dsvault.folder, '.config/dsvault');
    const launcher = readFileSync(join(folder, readdirSync(folder).join()), 'utf8');
    const [, url = '', code = ''] = /url=(.*?)\/#code=([\w.-]+)/.exec(launcher) ?? [];
    const asked = await (await openConsoleSession(url, code)).act('whoami');
    started.type('\u0003');
    const [, served] = (await started.ran).stdout.split('press Enter');
    expect([asked.status, served]).toEqual([200, expect.not.stringContaining('waiting')]);
  });

  it.each([
    ['without a terminal', [], { terminal: false }],
    ['with --json', ['--json'], { terminal: true }],
    ['with TERM=dumb', [], { terminal: true, env: { TERM: 'dumb' } }],
  ])('shows no waiting line %s', async (_, args, how) => {
    front.plan('hang', 'pass');
    const ran = await dsvault.run(['list', '--timeout', '1.5', ...args], how);
    expect(ran.code).toBe(0);
    expect(ran.stdout + ran.stderr).not.toMatch(told);
  });
});

describe('all requests of dsvault', () => {
  it('show no value in messages or in the list of processes', () => {
    expect(dsvault.seenIn(canary)).toEqual([]);
  });
});

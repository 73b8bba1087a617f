/**
 * Plays the recipes of docs/recipes.md with the commands, rules and units of the page. The first
 * one is in recipes-leak.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { type Dsvault, openDsvault } from '../support/dsvault.ts';
import { compileCache, freshFolder } from '../support/local-process.ts';
import { makePolicyIssuer } from '../support/policy-issuer.ts';
import { blocksBelow, play as playIn, recipes } from '../support/recipes.ts';
import { describeLocal, useVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const canary = 'c4n4ry-c4n4ry';
const people = makePolicyIssuer('people', 'https://people.test');
const [approval = '', proposal = ''] = blocksBelow('Approval by a second person');
const policyWith = (more: object = {}): string =>
  stringify({
    issuers: [
      { ...people.entry, ...(parse(approval) as object), ...more },
      { id: 'local', localKey: true },
    ],
  });
const developer = people.token({ sub: '65', groups: ['developers'] });
const approver = people.token({ sub: '74', groups: ['staff', 'approvers'] });

const dead = 'http://127.0.0.1:1';

describeLocal('docs/recipes.md', () => {
  const vault = useVault(() => policyWith());
  let dsvault: Dsvault;
  let owner: string;
  beforeAll(() => {
    dsvault = openDsvault({ DSVAULT_ADDR: vault.baseUrl(), DSVAULT_RETRIES: '0' });
    owner = vault.token({ tenant: 'acme', sub: 'owner' });
  });
  afterAll(() => expect(dsvault.seenIn(canary)).toEqual([]));

  const play = (script: string, token: string, more: NodeJS.ProcessEnv = {}) =>
    playIn(dsvault, script, { DSVAULT_TOKEN: token, ...more });
  const put = (name: string, value: string, token = owner) =>
    dsvault.run(['create', name], { env: { DSVAULT_TOKEN: token }, input: value });
  const log = async (question: 'who' | 'seen', subject: string) => {
    const file = join(dsvault.folder, 'vault.log');
    writeFileSync(file, vault.lines().join('\n'));
    const { stdout } = await dsvault.run(['log', question, subject, '--file', file, '--json']);
    return JSON.parse(stdout) as {
      readonly rows: readonly { operation: string; outcome: string }[];
      readonly seen: readonly { secret: string; isCurrent: boolean }[];
    };
  };
  const who = async (subject: string) => (await log('who', subject)).rows;
  /** The secrets whose current value the caller knows. */
  const known = async (subject: string) =>
    (await log('seen', subject)).seen.flatMap(({ secret, isCurrent }) => (isCurrent ? secret : []));

  it('has at most 800 words', () => {
    expect(recipes.split(/\s+/).length).toBeLessThanOrEqual(800);
  });

  it('lists each running program with those of its versions that are not current', async () => {
    const runner = vault.token({ tenant: 'running', sub: 'runner' });
    const [list = ''] = blocksBelow('Running programs with old versions');
    writeFileSync(join(dsvault.folder, 'a.env'), 'A="secret(RUNS_A)"\nB="secret(RUNS_B)"\n');
    for (const name of ['RUNS_A', 'RUNS_B']) {
      expect(await put(name, canary, runner)).toMatchObject({ code: 0 });
    }
    const start = async (name: string) => {
      const words = ['run', '-f', 'a.env', '--', 'sh', '-c', `echo $$ > ${name}; read line`];
      const { child } = dsvault.start(words, { env: { DSVAULT_TOKEN: runner }, open: true });
      const file = join(dsvault.folder, name);
      await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
      return { child, pid: readFileSync(file, 'utf8').trim() };
    };
    /** The versions that are listed below a process; `undefined` if it is not listed. */
    const listedOf = async (pid: string): Promise<readonly string[] | undefined> => {
      const { stdout, stderr } = await play(list, runner);
      expect(stderr).toBe('');
      const [, below] = stdout.split(`/proc/${pid}/environ:DSVAULT_VERSIONS\n`);
      return below?.split('/proc/')[0]?.split('\n').slice(0, -1);
    };

    const first = await start('first');
    expect(await listedOf(first.pid)).toEqual([]);
    const update = `printf ${canary}-2 | dsvault update RUNS_B`;
    expect(await play(update, runner)).toMatchObject({ code: 0 });
    const second = await start('second');
    expect(await listedOf(first.pid)).toEqual(['RUNS_B@1']);
    expect(await listedOf(second.pid)).toEqual([]);
    expect(await play('dsvault delete RUNS_A', runner)).toMatchObject({ code: 0 });
    expect(await listedOf(first.pid)).toEqual(['RUNS_A@1', 'RUNS_B@1']);
    expect(await listedOf(second.pid)).toEqual(['RUNS_A@1']);
    first.child.kill();
    await until(() => first.child.exitCode !== null);
    expect(await listedOf(first.pid)).toBeUndefined();
  });

  it('keeps values from an agent that has a token for lists and reads every file', async () => {
    const [adopt = '', run = ''] = blocksBelow('Coding agents next to secrets');
    writeFileSync(join(dsvault.folder, '.env'), `PORT=1\nDB_PASSWORD=${canary}\n`);
    expect(await play(adopt, owner)).toMatchObject({ code: 0 });
    const adopted = readFileSync(join(dsvault.folder, '.env'), 'utf8');
    expect(adopted).toBe('PORT=1\nDB_PASSWORD=secret(DB_PASSWORD)\n');

    const bin = join(dsvault.folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'npm'), '#!/bin/sh\necho "$1 of $PORT with $DB_PASSWORD"\n');
    chmodSync(join(bin, 'npm'), 0o755);
    const PATH = `${bin}:${process.env['PATH']}`;
    expect(await play(run, owner, { PATH })).toMatchObject({ code: 0 });
    const log = readFileSync(join(dsvault.folder, 'test.log'), 'utf8');
    expect(log).toBe('test of 1 with [redacted]\n');

    const agent = vault.token({ tenant: 'acme', sub: 'agent', scope: 'secrets:list' });
    expect(await play('dsvault list && dsvault lock', agent)).toMatchObject({ code: 0 });
    expect(await play('dsvault get DB_PASSWORD', agent)).toMatchObject({ code: 5, stdout: '' });
    expect(await play('dsvault run env', agent)).toMatchObject({ code: 125, stdout: '' });
    const rows = await who('local:agent');
    expect(rows.map(({ outcome }) => outcome)).toContain('refused');
    expect(new Set(rows.map(({ operation }) => operation))).toEqual(
      new Set(['list-secrets', 'list-versions', 'get-secret', 'expand-env']),
    );
    expect([await known('local:agent'), await known('local:owner')]).toEqual([[], ['DB_PASSWORD']]);
  });

  it('lets a developer propose a value, and only an approver use it, once', async () => {
    expect(await put('app.PASSWORD', 'old', approver)).toMatchObject({ code: 0 });
    const [propose = '', history = '', copy = ''] = proposal
      .replaceAll(/(?<!\.)DB_PASSWORD/g, 'app.PASSWORD')
      .replaceAll('proposed.DB_PASSWORD', 'proposed.PASSWORD')
      .split('\n');
    writeFileSync(join(dsvault.folder, 'new-password'), canary);
    expect(await play(propose, developer)).toMatchObject({ code: 0 });
    expect(await play(copy, developer)).toMatchObject({ code: 3 });
    const direct = 'printf x | dsvault update app.PASSWORD; dsvault get app.PASSWORD';
    expect(await play(direct, developer)).toMatchObject({ code: 3, stdout: '' });
    const { stdout } = await play(history, approver);
    expect(stdout).toMatch(/\n1 +stored +\S+ +people:65 +for the new server\n$/);
    expect(await play(copy, approver)).toMatchObject({ code: 0 });
    expect(await play('dsvault get app.PASSWORD', approver)).toMatchObject({ stdout: canary });
    expect(await play(copy, approver)).toMatchObject({ code: 9 });
    expect((await who('people:74')).map(({ operation }) => operation)).toContain('copy-secret');
  });

  describe('for somebody who leaves', () => {
    const [block = ''] = blocksBelow('Somebody leaves');
    const policyAgainst = (sub: string) => block.replace('the claim sub of the person', sub);
    const list = (token: string) => play('dsvault list', token);
    const expectRefused = async (leaver: string, other: string, policy: string) => {
      expect(await list(leaver)).toMatchObject({ code: 0 });
      const draft = `${vault.policyFile}.new`;
      writeFileSync(draft, policy);
      renameSync(draft, vault.policyFile);
      await untilSeen(
        () => list(leaver),
        ({ code }) => code === 5,
      );
      expect(await list(other)).toMatchObject({ code: 0 });
    };

    it('refuses the tokens of the person from an identity provider, and of nobody else', async () => {
      const { deny } = parse(policyAgainst('65')).issuers[0];
      await expectRefused(developer, approver, policyWith({ deny }));
      expect(await known('people:65')).toEqual(['proposed.PASSWORD']);
    });

    it('refuses the tokens that npm run token made for the person, and for nobody else', async () => {
      const leaver = vault.token({ tenant: 'acme', sub: 'leaver' });
      await expectRefused(leaver, owner, policyAgainst('leaver'));
    });
  });

  describe('systemd credentials', () => {
    const [socket = '', getter = '', app = ''] = blocksBelow('systemd credentials');
    const settingsOf = (unit: string) =>
      new Map([...unit.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));
    const [ofSocket, ofGetter, ofApp] = [socket, getter, app].map(settingsOf);

    /**
     * Does what systemd does: starts the getter for each connection, with the socket as its stdout,
     * and reads the credential from a connection.
     */
    const credentialOf = async (addr: string) => {
      const folder = freshFolder();
      writeFileSync(join(folder, 'token'), owner, { mode: 0o400 });
      const words = (ofGetter?.get('ExecStart') ?? '').split(' ').slice(1);
      const environment = (ofGetter?.get('Environment') ?? '')
        .replace('https://vault.example.com', addr)
        .replaceAll('%d', folder)
        .split(' ')
        .map((one) => one.split('=') as [string, string]);
      const env = {
        ...{ PATH: process.env['PATH'], HOME: folder, ...compileCache, DSVAULT_RETRIES: '0' },
        ...Object.fromEntries(environment),
      };
      const exits: (number | null)[] = [];
      const server = createServer({ pauseOnConnect: true }, async (connection) => {
        const child = spawn(resolve('cli/dsvault.js'), words, {
          env,
          stdio: ['ignore', connection, ofGetter?.get('StandardError') ? 'ignore' : connection],
        });
        const [code] = await once(child, 'exit');
        exits.push(code as number | null);
        connection.destroy();
      });
      const path = join(folder, 'db-password.sock');
      server.listen(path);
      await once(server, 'listening');
      const credential = await text(connect(path));
      server.close();
      writeFileSync(join(folder, 'db-password'), credential);
      const guard = (ofApp?.get('ExecStartPre') ?? '').replace('%d', folder).split(' ');
      const [guarded] = await once(spawn(guard[0] ?? '', guard.slice(1)), 'exit');
      return { credential, exits, starts: guarded === 0 };
    };

    it('belong together: the service of the socket, and the socket of the credential', () => {
      expect(ofSocket?.get('Accept')).toBe('yes');
      expect(ofApp?.get('LoadCredential')).toBe(`db-password:${ofSocket?.get('ListenStream')}`);
      expect([ofGetter?.get('StandardOutput'), ofGetter?.get('StandardError')]).toEqual([
        ...['socket', 'journal'],
      ]);
    });

    it('are exactly the value of the secret', async () => {
      const seen = await credentialOf(vault.baseUrl());
      expect(seen).toEqual({ credential: canary, exits: [0], starts: true });
    });

    it('are empty while the vault cannot be reached, and then the service does not start', async () => {
      expect(await credentialOf(dead)).toEqual({ credential: '', exits: [7], starts: false });
    });
  });

  it('sets the variables of direnv, or none if the vault cannot be reached', async () => {
    const [envrc = ''] = blocksBelow('direnv');
    writeFileSync(join(dsvault.folder, '.envrc'), envrc);
    writeFileSync(join(dsvault.folder, '.env'), 'A="secret(DB_PASSWORD) x"\n');
    const script = 'trap "env | grep ^A=; true" EXIT; . ./.envrc';
    expect(await play(script, owner)).toMatchObject({ code: 0, stdout: `A=${canary} x\n` });
    const lost = await play(script, owner, { DSVAULT_ADDR: dead });
    expect(lost).toMatchObject({ code: 1, stdout: '' });
  });
});

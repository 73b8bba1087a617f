/** The logs explain every request and never contain a secret. */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { times } from '../../functions/model/limits.ts';
import { canaryForms, findCanaries } from '../support/adversary/canaries.ts';
import { openDsvault } from '../support/dsvault.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { type Line, logged as linesOf } from '../support/log-lines.ts';
import { makeDeleted, makeOld } from '../support/prepared-requests.ts';
import { perRoute } from '../support/routes.ts';
import { describeLocal, freshName, type Reply, useVault } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

const vault = useVault();
let token: string;
beforeAll(() => {
  token = vault.token({ tenant: 'acme', sub: 'alice' });
});

const logged = (reply: Reply) => linesOf(vault, reply);
/** The body of a request that creates these names. */
const creating = (names: readonly string[]) => ({
  content: names.map((name) => `A_${name}=enc(${name})\n`).join(''),
  values: Object.fromEntries(names.map((name) => [name, 'v'])),
});

const call = (method: string, path: string, body?: object, headers = {}) =>
  vault.call(method, path, { token, headers, ...(body && { body }) });
/**
 * Whether the request was so fast that no call to the store or the key was slow. A slow call is
 * repeated and then counted twice.
 */
const isOfFast = ({ request }: { readonly request: Line }) =>
  Number(request['ms']) < times.connectMs;

describeLocal('the log line of a request', () => {
  // Shows G14.
  it.each(Object.entries(perRoute))(
    'appears once for each request of %s, with the code of a refusal, the secret and the version read',
    async (operation, { logs, scopes }) => {
      const { name: old } = await makeOld(vault, token);
      await call('DELETE', `/v1/secrets/${old}/versions/1`);
      const names = { old, gone: await makeDeleted(vault, token), missing: freshName() };
      for (const [about, [method, path, more]] of logs(names)) {
        // The status is briefly degraded when a probe takes more than a second.
        const reply = await untilSeen(
          () => vault.call(method, path, { token, ...more }),
          ({ status }) => operation !== 'get-status' || status === 200,
        );
        const { request } = await logged(reply);
        const { code, secret, version, subject } = request;
        const outcome = 'code' in about ? 'refused' : 'ok';
        expect(request).toMatchObject({ operation, outcome, status: reply.status });
        expect({ code, secret, version, subject }).toEqual({
          code: undefined,
          secret: undefined,
          version: undefined,
          subject: scopes && 'alice',
          ...about,
        });
      }
    },
  );

  // Shows G14.
  it('names each version whose value was opened or that was written, and counts the calls to KMS', async () => {
    const play = async () => {
      const [one, other, made] = [freshName(), freshName(), freshName()];
      const path = `/v1/secrets/${one}`;
      await call('POST', '/v1/secrets', { name: one, value: 'v' });
      await call('PUT', path, { value: 'w' });
      await call('POST', '/v1/secrets', { name: other, value: 'x' });
      const content = `A=secret(${one})\nB="secret(${other}) secret(${one}@1)"\n`;
      const all = [`${one}@2`, `${other}@1`, `${one}@1`];
      const expanded = await call('POST', '/v1/env/expand', { content });
      const unless = expanded.json.tag;
      const file = { content: `A=secret(${one})\nB=enc(${made})\n`, values: { [made]: 'v' } };
      const key = { 'Idempotency-Key': randomUUID() };
      const dry = { ...file, dryRun: true };
      const values = `${path}/versions?include=values`;
      const rows = [
        [[`${one}@2`], [], await call('GET', path)],
        [[`${one}@1`], [], await call('GET', `${path}?version=1`), { pinned: [`${one}@1`] }],
        [
          [],
          [],
          await call('GET', path, undefined, { 'If-None-Match': '*' }),
          { compared: [`${one}@2`] },
        ],
        [
          [`${one}@1`, `${one}@2`],
          [],
          await call('GET', values),
          { past: [`${one}@1`, `${one}@2`] },
        ],
        [[], [], await call('GET', `${path}/versions`)],
        [[], [], await call('GET', `${path}/explain`)],
        [all, [], expanded, { pinned: [`${one}@1`] }],
        [
          [],
          [],
          await call('POST', '/v1/env/expand', { content, unless }),
          { compared: all, pinned: [`${one}@1`] },
        ],
        [[], [], await call('POST', '/v1/env/expand', { content: `${content}C=secret(${made})` })],
        [[`${one}@2`], [], await call('POST', '/v1/env', dry)],
        [[`${one}@2`], [`${made}@1`], await call('POST', '/v1/env', file, key)],
        [[`${one}@2`], [], await call('POST', '/v1/env', file, key), { past: [`${one}@2`] }],
        [
          [`${one}@2`, `${other}@1`],
          [],
          await call('POST', '/v1/env/expand', {
            content: `A=secret(${one})\nB=secret(${other})\n`,
            at: new Date().toISOString(),
          }),
          { past: [`${one}@2`, `${other}@1`] },
        ],
        [[], [`${one}@3`], await call('PUT', path, { value: 'y' })],
        [[], [`${one}@2`], await call('DELETE', `${path}/versions/2`)],
        [[], [`${one}@4`], await call('DELETE', path)],
        [
          [],
          [`${made}@2`],
          await call('POST', `/v1/secrets/${made}/copies`, { from: { name: other } }),
          { copied: [`${other}@1`] },
        ],
        [
          [],
          [`${made}@3`],
          await call('POST', `/v1/secrets/${made}/copies`, { from: { name: other, version: 1 } }),
          { copied: [`${other}@1`], pinned: [`${other}@1`] },
        ],
      ] as const;
      return await Promise.all(
        rows.map(async ([read, wrote, reply, selected = {}]) => ({
          lists: { read, wrote, compared: [], copied: [], pinned: [], past: [], ...selected },
          ...(await logged(reply)),
        })),
      );
    };
    for (const { lists, request } of await untilSeen(play, (seen) => seen.every(isOfFast))) {
      const listed = (field: string) => [...((request[field] ?? []) as string[])].sort();
      for (const [field, entries] of Object.entries(lists)) {
        expect([field, listed(field)]).toEqual([field, [...entries].sort()]);
      }
      expect(request['kmsCalls']).toBeGreaterThanOrEqual(lists.read.length);
      // Calls to a key in a file have no request ids.
      const ids = process.env['TEST_GATEWAY'] ? Number(request['kmsCalls']) : 0;
      expect(listed('kmsRequestIds')).toHaveLength(ids);
    }
  });

  // Shows G14.
  it('shows the length of a note in bytes, and no line shows its text', async () => {
    const name = freshName();
    const canary = `c4n4ry-${randomUUID()}`;
    const note = `é ${canary}`;
    const noteBytes = Buffer.byteLength(note);
    const path = `/v1/secrets/${name}`;
    const file = { ...creating([freshName()]), note };
    for (const reply of [
      await call('POST', '/v1/secrets', { name, value: 'v', note }),
      await call('POST', '/v1/secrets', { name, value: 'v', note }),
      await call('PUT', path, { value: 'w', note }),
      await call('DELETE', path, { note }),
      await call('DELETE', path, { note }),
      await call('POST', '/v1/env', file),
      await call('POST', '/v1/env/encrypt', file),
    ]) {
      expect((await logged(reply)).request).toMatchObject({ noteBytes });
    }
    for (const reply of [
      await call('POST', '/v1/secrets', { name, value: canary, note }),
      await call('POST', '/v1/secrets', { name, value: 'v' }),
      await call('GET', path),
      await call('GET', `${path}/versions`),
      await call('GET', '/v1/secrets?include=details'),
    ]) {
      expect((await logged(reply)).request).not.toHaveProperty('noteBytes');
    }
    expect(vault.lines().join('\n')).not.toContain(canary);
  });
});

describeLocal('the decisions of a request', () => {
  // Shows G14.
  it('include a destruction once, and nothing if it was done before or is not possible', async () => {
    const name = await vault.create();
    const path = `/v1/secrets/${name}`;
    await vault.ask('PUT', path, { value: 'w' });
    const first = await logged(await vault.ask('DELETE', `${path}/versions/1`));
    const [line] = first.decisions;
    expect(line).toMatchObject({ decision: 'destroyed', secret: name, version: 1 });
    const { writeId } = first.request;
    expect(writeId).toMatch(/^[\w-]{22}$/);
    for (const version of [1, 2, 3]) {
      const reply = await vault.ask('DELETE', `${path}/versions/${version}`);
      const { decisions, request } = await logged(reply);
      expect([decisions, request['decisions']]).toEqual([[], undefined]);
      // If the version is destroyed by now, the line has the writeId of the write that once created
      // the version, even if an earlier request destroyed it.
      expect(request['writeId']).toBe(version === 1 ? writeId : undefined);
    }
  });

  it('count the existing secrets for which a request is refused or, if a file is accepted, those that it creates', async () => {
    const names = [freshName(), freshName(), freshName()];
    const [taken, , alsoTaken] = names;
    for (const name of [taken, alsoTaken]) {
      await call('POST', '/v1/secrets', { name, value: 'v' });
    }
    for (const [path, body, count] of [
      ['/v1/secrets', { name: taken, value: 'v' }, 1],
      ['/v1/env', creating(names), 2],
      ['/v1/env/encrypt', creating(names), 2],
    ] as const) {
      const { request } = await logged(await call('POST', path, body));
      expect(request['decisions']).toEqual({ refused_exists: count });
    }
    const file = creating([freshName(), freshName()]);
    const { request } = await logged(await call('POST', '/v1/env', file));
    expect(request['decisions']).toEqual({ created: 2 });
  });
});

describeLocal('the log', () => {
  // Shows G14.
  it('contains no value, key or token of any request, refused or not', async () => {
    const canaries: string[] = [];
    const canary = (): string => {
      const made = `Canary/${randomBytes(12).toString('hex')}/end`;
      canaries.push(made);
      return made;
    };
    const name = freshName();
    const idempotencyKey = canary();
    const key = { 'Idempotency-Key': idempotencyKey };
    await call('POST', '/v1/secrets', { name, value: canary() }, key);
    await call('POST', '/v1/secrets', { name, value: canary() }, key);
    await call('POST', '/v1/secrets', { name, value: canary() });
    await call('PUT', `/v1/secrets/${name}`, { value: canary() });
    await call('PUT', `/v1/secrets/${freshName()}`, { value: canary() });
    await call('PUT', `/v1/secrets/${name}`, { value: canary() }, { 'If-Match': '"9"' });
    await call('POST', `/v1/secrets/${name}/copies`, { from: { version: 1 }, note: 'as before' });
    await call('POST', `/v1/secrets/${name}/copies`, { from: { version: 1 }, value: canary() });
    await call('POST', `/v1/secrets/${name}/copies`, { from: { name: canary() } });
    await call('GET', `/v1/secrets/${name}`);
    await call('GET', `/v1/secrets/${name}/versions?include=values`);
    await call('DELETE', `/v1/secrets/${name}/versions/1`, undefined, { 'If-Match': canary() });
    await call('DELETE', `/v1/secrets/${name}/versions/${encodeURIComponent(canary())}`);
    await call('DELETE', `/v1/secrets/${name}`, { note: `${canary()}\n` });
    await call('DELETE', `/v1/secrets/${name}`, { [canary()]: 1 });
    await call('GET', `/v1/secrets?state=${encodeURIComponent(canary())}`);
    const other = freshName();
    const file = { content: `${other}=${canary()}\nA=enc(${other})\nB="${canary()}"\n` };
    await call('POST', '/v1/env/encrypt', { ...file, dryRun: true });
    await call('POST', '/v1/env/encrypt', file, { 'Idempotency-Key': canary() });
    await call('POST', '/v1/env', file);
    const values = { [freshName()]: canary() };
    await call('POST', '/v1/env', { content: `A=secret(${other})\nB="${canary()}"\n` });
    await call('POST', '/v1/env/expand', { content: `A=secret(${other})\n#${canary()}\n` });
    await call('POST', '/v1/env/encrypt', { content: 'A=1', values });
    await call('POST', '/v1/env/encrypt', { content: `A=enc(${canary()})\n${canary()}\n` });
    await call('POST', '/v1/env/expand', { content: 'A=1', unless: canary() });
    await vault.call('POST', '/v1/env/encrypt', { token, file: `A="${canary()}` });
    for (const raw of [canary(), `{"name":"A","value":"${canary()}`, `{"${canary()}":1}`]) {
      await vault.call('POST', '/v1/secrets', { token, raw });
      await vault.call('PUT', `/v1/secrets/${name}`, { token, raw });
      await vault.call('POST', '/v1/env', { token, raw });
    }
    await vault.call('GET', `/v1/secrets?${encodeURIComponent(canary())}=1`, { token });
    await vault.call('GET', `/v1/secrets?cursor=${encodeURIComponent(canary())}`, { token });
    await vault.call('GET', `/v1/secrets/${encodeURIComponent(canary())}`, { token });
    await vault.call('GET', `/nothing/${encodeURIComponent(canary())}`, { token });
    await vault.call('GET', '/v1/secrets', { token: canary() });
    await vault.call('GET', '/v1/secrets', { token, headers: { 'X-Anything': canary() } });
    const inspect = runLocal('inspect', ['--json'], { VAULT_DATA_DIR: vault.dataDir });
    expect(await inspect.exit).toBe(0);
    await logged(await call('GET', '/v1/secrets'));

    const printed = [...vault.lines(), ...inspect.output, ...inspect.errors].join('\n');
    expect(printed).toContain(name);
    const forms = canaries.flatMap(canaryForms);
    expect(findCanaries(Buffer.from(printed), forms).map(String)).toEqual([]);
    for (const part of token.split('.')) expect(printed).not.toContain(part);
  });

  it('has only known fields in its JSON lines', () => {
    const known = new Set(
      (
        'level message timestamp service run seq prev requestId operation issuer rule tenant subject secret version outcome ' +
        'why reasons blocking by part claim mismatches read wrote compared copied pinned past kmsRequestIds noteBytes writeId status code attempts storeCalls kmsCalls units ms decision decisions cause'
      ).split(' '),
    );
    const objects = vault.lines().filter((line) => line.startsWith('{'));
    expect(objects.length).toBeGreaterThan(50);
    for (const line of objects) {
      const parsed = JSON.parse(line) as Line;
      expect(Object.keys(parsed).filter((field) => !known.has(field))).toEqual([]);
    }
  });
});

describeLocal('the log file in the data folder of npm start', () => {
  it('keeps each printed line of the log, and only its owner may read it', async () => {
    await logged(await call('GET', '/v1/secrets'));
    const file = join(vault.dataDir, 'log');
    const kept = readFileSync(file, 'utf8').trim().split('\n');
    const printed = vault.lines().filter((line) => line.startsWith('{'));
    expect(printed.filter((line) => !kept.includes(line))).toEqual([]);
    expect(kept.filter((line) => !line.startsWith('{'))).toEqual([]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps whole lines and no token, even while a terminal shows short lines and a token', async () => {
    const folder = freshFolder();
    const dsvault = openDsvault({ VAULT_DATA_DIR: folder, PORT: '0' });
    const program = process.execPath;
    const vaultAt = dsvault.start([resolve('host/bin/start.ts')], { program, terminal: true });
    await vaultAt.prints('TOKEN=eyJ');
    const { url } = JSON.parse(readFileSync(join(folder, 'running.json'), 'utf8'));
    await fetch(`${url}/health`);
    await vaultAt.prints('  200  get-health');
    vaultAt.child.kill('SIGTERM');
    await vaultAt.ran;
    await until(() => !existsSync(join(folder, 'running.json')));
    const kept = readFileSync(join(folder, 'log'), 'utf8');
    expect(kept).toMatch(/^\{.*"operation":"get-health".*"status":200/m);
    expect(kept).not.toContain('eyJ');
  });
});

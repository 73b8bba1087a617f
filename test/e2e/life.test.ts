/**
 * The life of a secret over HTTP: it is created, updated, deleted and created again, and one of its
 * versions is destroyed. Its history shows all of that.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { startConsoleProcess } from '../support/console-process.ts';
import { openConsoleSession } from '../support/console-session.ts';
import { liveByDsvault } from '../support/life-by-dsvault.ts';
import { runLocal } from '../support/local-process.ts';
import {
  freshName,
  isLocal,
  itLocal,
  type Reply,
  useVault,
  withoutRequestId,
} from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const vault = useVault();

const pathOf = (name: string) => `/v1/secrets/${name}`;
const get = (name: string, query = '', headers = {}) =>
  vault.ask('GET', `${pathOf(name)}${query}`, undefined, headers);
const remove = (name: string, note?: string, headers = {}) =>
  vault.ask('DELETE', pathOf(name), note === undefined ? undefined : { note }, headers);
const destroy = (name: string, version: number) =>
  vault.ask('DELETE', `${pathOf(name)}/versions/${version}`);
const versionsOf = (name: string, query = '') =>
  vault.ask('GET', `${pathOf(name)}/versions${query}`);
const expand = (content: string, more = {}) =>
  vault.ask('POST', '/v1/env/expand', { content, ...more });
const shifted = (instant: string | undefined, ms: number) =>
  new Date(Date.parse(instant ?? '') + ms).toISOString();
const notFound = { status: 404, json: { code: 'not_found', retryable: false } };

/** Reads a list of names until it is right, because it may lag behind writes. */
const listOnce = (query: string, isRight: (reply: Reply) => boolean) =>
  untilSeen(() => vault.ask('GET', `/v1/secrets?${query}`), isRight);
const has = (name: string) => (reply: Reply) => reply.json.names?.includes(name) === true;
const lacks = (name: string) => (reply: Reply) => reply.json.names?.includes(name) === false;

// The tests build on each other: each finds the secret as the previous one left it.
describe('a secret', () => {
  const name = freshName('LIFE_');
  const never = name.replace('LIFE_', 'NEVER');
  /** The `validFrom` of each version, starting with version 1. */
  const begins: (string | undefined)[] = [];

  it('shows the note of its current version, and of an earlier one that is asked for', async () => {
    const created = await vault.ask('POST', '/v1/secrets', { name, value: 'one', note: 'for é' });
    const updated = await vault.ask('PUT', pathOf(name), { value: 'two', note: 'rotated' });
    begins.push(created.json.validFrom, updated.json.validFrom);
    expect([created.status, updated.status]).toEqual([201, 200]);
    expect((await get(name)).json).toMatchObject({ version: 2, value: 'two', note: 'rotated' });
    expect((await get(name, '?version=1')).json).toMatchObject({ value: 'one', note: 'for é' });
  });

  it('refuses a deletion whose If-Match names another version', async () => {
    expect(await remove(name, undefined, { 'If-Match': '"1"' })).toMatchObject({
      status: 412,
      json: {
        code: 'version_conflict',
        currentVersion: 2,
        detail: expect.stringMatching(/^the current version is 2, .*: read the secret/),
      },
    });
  });

  it('ends with a deletion, which is its next version', async () => {
    const deleted = await remove(name, 'moved to the new team', { 'If-Match': '"2"' });
    expect(deleted).toMatchObject({ status: 200, json: { name, version: 3 } });
    expect(deleted.headers.has('etag')).toBe(false);
    begins.push(deleted.json.validFrom);
  });

  // Shows G7.
  it('looks like a name that never existed once it is deleted', async () => {
    const asks: readonly ((of: string) => Promise<Reply>)[] = [
      (of) => get(of),
      (of) => get(of, '', { 'If-None-Match': '*' }),
      (of) => vault.ask('PUT', pathOf(of), { value: 'v' }),
      (of) => vault.ask('PUT', pathOf(of), { value: 'v' }, { 'If-Match': '"3"' }),
      (of) => remove(of),
      (of) => remove(of, 'again', { 'If-Match': '"1"' }),
      (of) => expand(`A=secret(${of})\n`),
    ];
    for (const ask of asks) {
      const [deleted, absent] = [await ask(name), await ask(never)];
      expect(deleted).toMatchObject(notFound);
      expect(withoutRequestId(deleted).replaceAll(name, 'N')).toBe(
        withoutRequestId(absent).replaceAll(never, 'N'),
      );
    }
  });

  // Shows G4.
  it('still answers for earlier versions and for instants before its deletion', async () => {
    const [, updated, deleted] = begins;
    expect((await get(name, '?version=1')).json.value).toBe('one');
    const last = { version: 2, value: 'two', validFrom: updated, validTo: deleted };
    expect((await get(name, '?version=2')).json).toMatchObject(last);
    expect((await get(name, `?at=${shifted(deleted, -1)}`)).json).toMatchObject(last);
    for (const query of ['?version=3', `?at=${deleted}`, `?at=${shifted(deleted, 60_000)}`]) {
      expect(await get(name, query)).toMatchObject(notFound);
    }
  });

  // Shows G4.
  it('shows its deletion in the list of versions', async () => {
    const { json } = await versionsOf(name);
    const shown = json.versions?.map(({ masterKeyId: _, anchor: __, ...entry }) => entry);
    expect(shown).toEqual([
      {
        version: 3,
        state: 'deleted',
        validFrom: begins[2],
        validTo: null,
        createdBy: 'alice',
        note: 'moved to the new team',
      },
      {
        version: 2,
        state: 'stored',
        validFrom: begins[1],
        validTo: begins[2],
        createdBy: 'alice',
        note: 'rotated',
      },
      {
        version: 1,
        state: 'stored',
        validFrom: begins[0],
        validTo: begins[1],
        createdBy: 'alice',
        note: 'for é',
      },
    ]);
    const { json: opened } = await versionsOf(name, '?include=values');
    expect(opened.versions?.map(({ value }) => value)).toEqual([undefined, 'two', 'one']);
  });

  it('moves from the list of names to the list of deleted secrets', async () => {
    await listOnce(`prefix=${name}`, lacks(name));
    await listOnce(`prefix=${name}&state=stored&include=details`, lacks(name));
    const query = `prefix=${name}&state=deleted&include=details`;
    const [deletion] = (await versionsOf(name)).json.versions ?? [];
    expect((await listOnce(query, has(name))).json).toEqual({
      names: [name],
      secrets: [
        {
          name,
          state: 'deleted',
          version: 3,
          anchor: deletion?.anchor,
          validFrom: begins[2],
          createdBy: 'alice',
          note: 'moved to the new team',
        },
      ],
      nextCursor: null,
    });
  });

  it('begins again with version 4 when it is created, and cannot be created twice', async () => {
    const create = () => vault.ask('POST', '/v1/secrets', { name, value: 'four' });
    const created = await create();
    expect(created).toMatchObject({ status: 201, json: { name, version: 4 } });
    expect(created.headers.get('etag')).toBe('"4"');
    begins.push(created.json.validFrom);
    expect(await create()).toMatchObject({ status: 409, json: { code: 'secret_exists' } });
    const current = await get(name);
    expect(current.json).toMatchObject({ version: 4, value: 'four', validTo: null });
    expect(current.json).not.toHaveProperty('note');
    for (const query of ['?version=3', `?at=${begins[2]}`]) {
      expect(await get(name, query)).toMatchObject(notFound);
    }
    await listOnce(`prefix=${name}&state=deleted`, lacks(name));
    const { json } = await listOnce(`prefix=${name}&include=details`, has(name));
    expect(json.secrets).toMatchObject([{ name, state: 'stored', version: 4 }]);
  });

  it('loses the value of version 1 for good when that is destroyed', async () => {
    const destroyed = await destroy(name, 1);
    expect(destroyed).toMatchObject({
      status: 200,
      json: { name, version: 1, destroyedBy: 'alice' },
    });
    const gone = { status: 410, json: { code: 'version_destroyed', retryable: false } };
    expect(await get(name, '?version=1')).toMatchObject(gone);
    expect(await get(name, `?at=${begins[0]}`)).toMatchObject(gone);
    const pinned = await expand(`A=1\nB=secret(${name}@1)\nC=secret(${name})\n`);
    expect(pinned).toMatchObject(gone);
    expect(pinned.json.errors).toMatchObject([{ line: 2, code: 'version_destroyed', name }]);
    expect(await expand(`B=secret(${name})\n`, { at: begins[0] })).toMatchObject(gone);
    const again = await vault.call('DELETE', `${pathOf(name)}/versions/1`, {
      token: vault.token({ sub: 'bob' }),
    });
    expect([again.status, again.text]).toEqual([200, destroyed.text]);
    const { json } = await versionsOf(name, '?include=values');
    const { destroyedAt } = destroyed.json;
    const remains = { version: 1, state: 'destroyed', destroyedAt, destroyedBy: 'alice' };
    const interval = { validFrom: begins[0], validTo: begins[1], createdBy: 'alice' };
    expect(json.versions?.[3]).toEqual({
      ...remains,
      ...interval,
      anchor: expect.any(String),
      masterKeyId: expect.any(String),
    });
    expect(json.versions?.map(({ value }) => value)).toEqual(['four', undefined, 'two', undefined]);
    expect((await get(name)).json.value).toBe('four');
  });

  itLocal('passes inspect --verify after all this', async () => {
    const inspect = runLocal('inspect', ['--verify'], { VAULT_DATA_DIR: vault.dataDir });
    expect([await inspect.exit, inspect.errors]).toEqual([0, []]);
    expect(inspect.output.at(-1)).toBe('verified the whole table: no violations');
  });
});

describe('the life of a secret', () => {
  it('works with dsvault too', async () => {
    await liveByDsvault(freshName('LIVED_'), [vault.baseUrl()], vault.token());
  });

  it('works through the console too, which says how the vault was started', async () => {
    const name = freshName('SHOWN_');
    const console = await startConsoleProcess(vault);
    try {
      const { act } = await openConsoleSession(console.url, console.code());
      await act('create-secret', { body: { name, value: 'one' }, idempotencyKey: randomUUID() });
      const listed = () => act('list-secrets', { query: { prefix: name } });
      await untilSeen(listed, (list) => JSON.stringify(list).includes(name));
      const got = { name, version: 1, value: 'one' };
      expect((await act('get-secret', { name })).body).toMatchObject(got);
      const kind = process.env['TEST_GATEWAY'] ?? 'start';
      const can = { canRead: isLocal };
      // `local` reports only a vault that a program of the checkout has started: a local one, or
      // the one behind the gateway that TEST_GATEWAY names.
      if (isLocal || kind !== 'start')
        expect((await act('local')).body).toMatchObject({ kind, ...can });
    } finally {
      // Jest would not exit while the console runs.
      expect(await console.end()).toBe(0);
    }
  });
});

describe('If-None-Match', () => {
  it.each(['"2"', 'W/"2"', '*', '"1", "2"'])(
    'answers 304 without a body to %s while version 2 is current',
    async (tags) => {
      const name = await vault.create();
      await vault.ask('PUT', pathOf(name), { value: 'w' });
      const reply = await get(name, '', { 'If-None-Match': tags });
      expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([304, '', '"2"']);
      // Other gateways add headers.
      const ofBody = ['content-type', 'content-length'].filter((header) =>
        reply.headers.has(header),
      );
      if (isLocal) expect(ofBody).toEqual([]);
    },
  );

  it('returns the value to a caller who has another version, or who asks for a version or an instant', async () => {
    const name = await vault.create('one');
    const { json } = await vault.ask('PUT', pathOf(name), { value: 'two' });
    for (const tags of ['"1"', '"02"', '"x"', 'W/"3"']) {
      expect((await get(name, '', { 'If-None-Match': tags })).json.value).toBe('two');
    }
    for (const query of ['?version=2', `?at=${json.validFrom}`]) {
      expect((await get(name, query, { 'If-None-Match': '"2"' })).json.value).toBe('two');
    }
  });
});

describe('expand with unless', () => {
  it('leaves out an answer that the caller has already, until a secret in the file changes', async () => {
    const [name, other] = [await vault.create('one'), await vault.create('other')];
    const file = `A=secret(${name})\nB=secret(${other})\n`;
    const first = (await expand(file)).json.tag;
    const unchanged = await expand(file, { unless: first });
    expect(unchanged.json).toEqual({ unchanged: true, tag: first });
    await vault.ask('PUT', pathOf(name), { value: 'one' });
    const changed = await expand(file, { unless: first });
    expect(changed.json).toMatchObject({ content: 'A=one\nB=other\n', tag: expect.any(String) });
    expect(changed.json.tag).not.toBe(first);
    await remove(other);
    expect(await expand(file, { unless: changed.json.tag })).toMatchObject(notFound);
  });
});

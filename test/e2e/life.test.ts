/**
 * The life of a secret over HTTP: it is created, updated, deleted and created again, one of its versions is destroyed,
 * and its history explains it all.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { startConsoleProcess } from '../support/console-process.ts';
import { openConsoleSession } from '../support/console-session.ts';
import { liveByDsvault } from '../support/life-by-dsvault.ts';
import { runLocal } from '../support/local-process.ts';
import {
  describeLocal,
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

/** A list of names, as soon as it is right: it may lag behind a write. */
const listOnce = (query: string, isRight: (reply: Reply) => boolean) =>
  untilSeen(() => vault.ask('GET', `/v1/secrets?${query}`), isRight);
const has = (name: string) => (reply: Reply) => reply.json.names?.includes(name) === true;
const lacks = (name: string) => (reply: Reply) => reply.json.names?.includes(name) === false;

// The tests tell one story: each finds the secret as the test before left it.
describe('a secret', () => {
  const name = freshName('LIFE_');
  const never = name.replace('LIFE_', 'NEVER');
  /** The `validFrom` of each version, from the first on. */
  const begins: (string | undefined)[] = [];

  it('shows the note of its current version', async () => {
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
      json: { code: 'version_conflict', currentVersion: 2 },
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
  it('explains its end in the list of versions', async () => {
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
    expect((await listOnce(query, has(name))).json).toEqual({
      names: [name],
      secrets: [
        {
          name,
          state: 'deleted',
          version: 3,
          validFrom: begins[2],
          createdBy: 'alice',
          note: 'moved to the new team',
        },
      ],
      nextCursor: null,
    });
  });

  it('begins again with version 4, and only one create can begin it', async () => {
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

  it('keeps its current version, its deletion and an unknown version from destruction', async () => {
    for (const [version, status, code] of [
      [4, 409, 'version_current'],
      [3, 409, 'not_destroyable'],
      [5, 404, 'not_found'],
    ] as const) {
      expect(await destroy(name, version)).toMatchObject({ status, json: { code } });
    }
  });

  it('loses the value of version 1 for ever by its destruction', async () => {
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
  it('passes with dsvault too', async () => {
    await liveByDsvault(freshName('LIVED_'), [vault.baseUrl()], vault.token());
  });

  it('lives as well through the console, which names how the vault was started', async () => {
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
      const can = { canChange: false, canRead: isLocal };
      // Another vault than these was not started by a program of the checkout.
      if (isLocal || kind !== 'start')
        expect((await act('local')).body).toMatchObject({ kind, ...can });
    } finally {
      // Jest would not end while the console runs.
      expect(await console.end()).toBe(0);
    }
  });
});

describe('a list of deleted secrets', () => {
  it('is divided into pages, like the list of names', async () => {
    const prefix = freshName('PAGED');
    const names = ['A', 'B', 'C'].map((letter) => `${prefix}_${letter}`);
    for (const name of names) {
      await vault.create('v', name);
      await remove(name);
    }
    const query = `prefix=${prefix}&state=deleted`;
    await listOnce(query, (reply) => reply.json.names?.length === names.length);
    const seen: (readonly string[] | undefined)[] = [];
    for (let cursor: string | null | undefined = ''; cursor !== null; ) {
      const page = `${query}&limit=2&include=details${cursor && `&cursor=${cursor}`}`;
      const { json } = await vault.ask('GET', `/v1/secrets?${page}`);
      expect(json.secrets?.map(({ name }) => name)).toEqual(json.names);
      seen.push(json.names);
      cursor = json.nextCursor;
    }
    expect(seen).toEqual([names.slice(0, 2), names.slice(2)]);
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
      // Another gateway adds headers of its own.
      const ofBody = ['content-type', 'content-length'].filter((header) =>
        reply.headers.has(header),
      );
      if (isLocal) expect(ofBody).toEqual([]);
    },
  );

  it('gives the value to a caller that has another version, and for a version or an instant', async () => {
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
  it('leaves out an answer that the caller has, until a secret of the file changes', async () => {
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

  it('gives the whole answer for the tag of another file, dialect or form, and of another caller', async () => {
    const name = await vault.create('one');
    const file = `A=secret(${name})\n`;
    const { tag } = (await expand(file)).json;
    for (const reply of [
      await expand(`# another\n${file}`, { unless: tag }),
      await expand(file, { unless: tag, dialect: 'compose' }),
      await expand(file, { unless: tag, pin: true }),
      await expand(`A=secret(${name}@1)\n`, { unless: tag }),
    ]) {
      expect(reply.json.content).toContain('A=one\n');
      expect(reply.json.tag).not.toBe(tag);
    }
    const token = vault.token({ tenant: 'globex' });
    await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'theirs' } });
    const body = { content: file, unless: tag };
    const { json } = await vault.call('POST', '/v1/env/expand', { token, body });
    expect(json.content).toBe('A=theirs\n');
  });

  it('compares the versions of an instant, and not the instants', async () => {
    const name = await vault.create('one');
    const { json } = await vault.ask('PUT', pathOf(name), { value: 'two' });
    const file = `A=secret(${name})\n`;
    const { tag } = (await expand(file)).json;
    const now = await expand(file, { at: json.validFrom, unless: tag });
    expect(now.json).toEqual({ unchanged: true, tag });
    const then = await expand(file, { at: shifted(json.validFrom, -1), unless: tag });
    expect(then.json.content).toBe('A=one\n');
  });
});

describeLocal('while the master key is disabled', () => {
  const key = async (action: string): Promise<void> => {
    const command = runLocal('key', [action], { VAULT_DATA_DIR: vault.dataDir });
    expect(await command.exit).toBe(0);
  };

  // Shows G9.
  it('a secret can be deleted, destroyed and compared, but not created again', async () => {
    const name = await vault.create('one');
    await vault.ask('PUT', pathOf(name), { value: 'two' });
    const file = `A=secret(${name})\n`;
    const { tag } = (await expand(file)).json;
    await key('disable');
    try {
      expect((await get(name)).status).toBe(503);
      expect((await get(name, '', { 'If-None-Match': '"2"' })).status).toBe(304);
      expect((await expand(file, { unless: tag })).json).toEqual({ unchanged: true, tag });
      expect((await remove(name, 'without the key')).json.version).toBe(3);
      expect((await destroy(name, 1)).status).toBe(200);
      expect((await versionsOf(name)).json.versions).toMatchObject([
        { state: 'deleted', note: 'without the key' },
        { state: 'stored' },
        { state: 'destroyed' },
      ]);
      const create = await vault.ask('POST', '/v1/secrets', { name, value: 'four' });
      expect(create).toMatchObject({ status: 503, json: { code: 'master_key_unavailable' } });
    } finally {
      await key('enable');
    }
    expect((await vault.ask('POST', '/v1/secrets', { name, value: 'four' })).json.version).toBe(4);
  });
});

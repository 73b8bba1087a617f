/** A repeated keyed request takes effect once and gets the same answer. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { freshName, type Reply, useVault } from '../support/running-vault.ts';

const vault = useVault();

type Request = { readonly method: string; readonly path: string; readonly body?: object };
const send = ({ method, path, body }: Request, key: string, headers = {}, as = vault.token()) =>
  vault.call(method, path, {
    token: as,
    ...(body && { body }),
    headers: { 'Idempotency-Key': key, ...headers },
  });
const versionsOf = async (name: string): Promise<number> => {
  const reply = await vault.ask('GET', `/v1/secrets/${name}/versions`);
  return reply.json.versions?.length ?? 0;
};
const isReplay = (reply: Reply): boolean => reply.headers.get('idempotency-replayed') === 'true';
/**
 * Whether the answer is not a replay. Behind another gateway it may be one, because there a request
 * is sent again, and an earlier attempt may have succeeded although its answer was lost.
 */
const mayBeFirst = (reply: Reply): boolean => !isReplay(reply) || reply.tries > 1;
const createOf = (name: string, value = 'v'): Request => ({
  method: 'POST',
  path: '/v1/secrets',
  body: { name, value },
});
const updateOf = (name: string, value = 'w'): Request => ({
  method: 'PUT',
  path: `/v1/secrets/${name}`,
  body: { value },
});
const copyOf = (name: string, from: object = { version: 1 }, more = {}): Request => ({
  method: 'POST',
  path: `/v1/secrets/${name}/copies`,
  body: { from, ...more },
});
const deleteOf = (name: string, note?: string): Request => ({
  method: 'DELETE',
  path: `/v1/secrets/${name}`,
  ...(note !== undefined && { body: { note } }),
});
const encryptOf = (name: string, value = 'v'): Request => ({
  method: 'POST',
  path: '/v1/env/encrypt',
  body: { content: `A=enc(${name})\n`, values: { [name]: value } },
});
const submitOf = (name: string, other: string): Request => ({
  method: 'POST',
  path: '/v1/env',
  body: { content: `A="enc(${name})"\nB=secret(${other})\n`, values: { [name]: 'v' } },
});

describe('a request repeated with the same idempotency key', () => {
  it.each([
    ['creates', async () => freshName(), createOf, 1],
    ['updates', () => vault.create(), updateOf, 2],
    ['copies', () => vault.create(), copyOf, 2],
    ['encrypts', async () => freshName(), encryptOf, 1],
    ['deletes', () => vault.create(), deleteOf, 2],
  ] as const)('%s once', async (_, prepare, requestOf, versions) => {
    const [name, key] = [await prepare(), randomUUID()];
    const request = requestOf(name);
    const first = await send(request, key);
    const again = await send(request, key);
    expect(mayBeFirst(first)).toBe(true);
    expect(isReplay(again)).toBe(true);
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(await versionsOf(name)).toBe(versions);
  });

  it('gets the first answer again if its value has the same bytes in another encoding', async () => {
    const [name, key] = [freshName(), randomUUID()];
    const first = await send(createOf(name, 'hi'), key);
    const again = await send(
      { ...createOf(name), body: { encoding: 'base64', value: 'aGk=', name } },
      key,
    );
    expect([again.status, again.text, isReplay(again)]).toEqual([201, first.text, true]);
  });

  it('is answered with 410 if a version that its file reads was destroyed since, and the answer names the line', async () => {
    const [name, old, key] = [freshName(), await vault.create('one'), randomUUID()];
    await send(submitOf(name, old), key);
    await send(updateOf(old, 'two'), randomUUID());
    expect((await send(submitOf(name, old), key)).json.content).toContain('one');
    await vault.ask('DELETE', `/v1/secrets/${old}/versions/1`);
    const again = await send(submitOf(name, old), key);
    expect(again).toMatchObject({ status: 410, json: { code: 'version_destroyed' } });
    expect(again.json.errors).toMatchObject([{ line: 2, name: old }]);
    expect(await versionsOf(name)).toBe(1);
  });

  it('is refused with 403 if its token lacks the scope or does not cover the name, and the answer says who grants that', async () => {
    const refused = {
      status: 403,
      json: { detail: expect.stringMatching(/: the vault's operator/) },
    };
    const [name, key] = [freshName(), randomUUID()];
    await send(createOf(name), key);
    const reader = vault.token({ scope: 'secrets:read' });
    expect(await send(createOf(name), key, {}, reader)).toMatchObject(refused);
    const blind = vault.token({ names: ['OTHER'] });
    expect(await send(createOf(name), key, {}, blind)).toMatchObject(refused);
  });
});

describe('a used idempotency key', () => {
  it('is refused with 422 and without effect for other content and for another operation', async () => {
    const [name, other, key] = [await vault.create(), freshName(), randomUUID()];
    await send(updateOf(name, 'w'), key);
    const refused = { status: 422, json: { code: 'idempotency_key_reused', retryable: false } };
    expect(await send(updateOf(name, 'x'), key)).toMatchObject(refused);
    expect(await send(updateOf(name, 'w'), key, { 'If-Match': '"2"' })).toMatchObject(refused);
    expect(await send(createOf(other), key)).toMatchObject(refused);
    expect(await send(encryptOf(other), key)).toMatchObject(refused);
    expect(await send(updateOf(await vault.create(), 'w'), key)).toMatchObject(refused);
    expect(await versionsOf(name)).toBe(2);
    expect(await versionsOf(other)).toBe(0);
  });

  it('is refused with 422 and without effect for another note, an added or a missing note, and a deletion', async () => {
    const [name, key] = [await vault.create(), randomUUID()];
    const noted = (note?: string): Request => ({
      ...updateOf(name),
      body: { value: 'w', ...(note !== undefined && { note }) },
    });
    const refused = { status: 422, json: { code: 'idempotency_key_reused' } };
    await send(noted('why'), key);
    for (const request of [noted('why else'), noted(), deleteOf(name), deleteOf(name, 'why')]) {
      expect(await send(request, key)).toMatchObject(refused);
    }
    const bare = randomUUID();
    await send(deleteOf(name), bare);
    expect(await send(deleteOf(name, 'why'), bare)).toMatchObject(refused);
    expect(await send(deleteOf(name), bare, { 'If-Match': '"2"' })).toMatchObject(refused);
    expect(isReplay(await send(noted('why'), key))).toBe(true);
    expect(await versionsOf(name)).toBe(3);
  });

  it('of a copy is refused with 422 and without effect for another copy', async () => {
    const [name, other, key] = [await vault.create(), await vault.create(), randomUUID()];
    const refused = { status: 422, json: { code: 'idempotency_key_reused' } };
    await send(copyOf(name), key);
    for (const request of [
      copyOf(name, { version: 2 }),
      copyOf(name, { name }),
      copyOf(name, { name: other, version: 1 }),
      copyOf(name, { version: 1 }, { note: 'why' }),
      copyOf(name, { version: 1 }, { create: true }),
      copyOf(other, { name, version: 1 }),
    ]) {
      expect(await send(request, key)).toMatchObject(refused);
    }
    expect(await send(copyOf(name), key, { 'If-Match': '"1"' })).toMatchObject(refused);
    const same = copyOf(name, { name, version: 1 }, { create: false });
    expect(isReplay(await send(same, key))).toBe(true);
    expect([await versionsOf(name), await versionsOf(other)]).toEqual([2, 1]);
  });

  it('of a create is refused with 422 and without effect for another value and for another name', async () => {
    const [name, other, key] = [freshName(), freshName(), randomUUID()];
    await send(createOf(name, 'v'), key);
    const refused = { status: 422, json: { code: 'idempotency_key_reused' } };
    expect(await send(createOf(name, 'w'), key)).toMatchObject(refused);
    expect(await send(createOf(other, 'v'), key)).toMatchObject(refused);
    expect(await send(updateOf(name, 'v'), key)).toMatchObject(refused);
    expect([await versionsOf(name), await versionsOf(other)]).toEqual([1, 0]);
    expect(isReplay(await send(createOf(name, 'v'), key))).toBe(true);
  });

  it('is refused with 422 for the same file with other values, another dialect or another route', async () => {
    const [name, last, key] = [freshName(), freshName(), randomUUID()];
    const content = `A=enc(${name})\nB=enc(${last})\n`;
    const post = (values: object, more: object = {}, path = '/v1/env/encrypt') =>
      send({ method: 'POST', path, body: { content, values, ...more } }, key);
    const values = { [name]: 'v', [last]: 'w' };
    expect(mayBeFirst(await post(values))).toBe(true);
    for (const refused of [
      await post({ ...values, [last]: 'x' }),
      await post({ [name]: 'w', [last]: 'v' }),
      await post(values, { dialect: 'docker' }),
      await post(values, {}, '/v1/env'),
    ]) {
      expect(refused).toMatchObject({ status: 422, json: { code: 'idempotency_key_reused' } });
    }
    // The properties of an object have no order, so this is the same content.
    expect(isReplay(await post({ [last]: 'w', [name]: 'v' }))).toBe(true);
  });

  it('of a dry run or of expand is ignored, even if it is invalid', async () => {
    const [name, old, key] = [freshName(), await vault.create(), randomUUID()];
    const dry = encryptOf(name);
    expect((await send({ ...dry, body: { ...dry.body, dryRun: true } }, key)).status).toBe(200);
    const expand = { method: 'POST', path: '/v1/env/expand' };
    for (const content of [`A=secret(${old})`, `B=secret(${old})`]) {
      for (const ignored of [key, 'short']) {
        expect((await send({ ...expand, body: { content } }, ignored)).status).toBe(200);
      }
    }
    expect((await send({ ...dry, body: { ...dry.body, dryRun: true } }, 'short')).status).toBe(200);
    const first = await send(dry, key);
    expect([first.status, mayBeFirst(first)]).toEqual([200, true]);
  });
});

/** Sends the examples in docs/openapi.yaml and compares the answers. */
import { describe, expect, it } from '@jest/globals';
import { type Json, operations } from '../support/openapi.ts';
import { useVault } from '../support/running-vault.ts';
import type { Claims } from '../support/tokens.ts';
import { untilSeen } from '../support/until.ts';

type Media = {
  readonly example?: Json;
  readonly examples?: Readonly<Record<string, { readonly value: Json }>>;
};
type Content = { readonly content: Readonly<Record<string, Media>> };

const vault = useVault();

const nodeOf = (operationId: string) =>
  operations.find((operation) => operation.operationId === operationId)?.node ?? {};
const exampleIn = (content: unknown, type: string, name?: string): Json | undefined => {
  const media = (content as Content).content[type];
  return name === undefined ? media?.example : media?.examples?.[name]?.value;
};
const request = (operationId: string, name?: string, type = 'application/json') =>
  exampleIn(nodeOf(operationId)['requestBody'], type, name);
const reply = (operationId: string, status: string, name?: string, type = 'application/json') =>
  exampleIn(
    (nodeOf(operationId)['responses'] as Readonly<Record<string, Json>>)[status],
    type,
    name,
  );

/**
 * Replaces what differs between vaults: instants, anchors, tags, the id of the master key, and the
 * release and the commit of the program.
 */
const settled = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (member, content) =>
      [
        'validFrom',
        'destroyedAt',
        'expires',
        'masterKeyId',
        'id',
        'latencyMs',
        'tag',
        'anchor',
        'commit',
      ].includes(member) ||
      (member === 'version' && typeof content === 'string') ||
      (member === 'validTo' && content !== null)
        ? member
        : content,
    ),
  );

describe('the examples in docs/openapi.yaml', () => {
  it('match the life of a secret', async () => {
    const token = vault.token();
    const call = (method: string, path: string, body?: Json) =>
      vault.call(method, path, { token, ...(body !== undefined && { body }) });
    const expectExample = (answered: { json: unknown }, example: Json | undefined) => {
      expect(example).toBeDefined();
      expect(settled(answered.json)).toEqual(settled(example));
    };
    const path = '/v1/secrets/DB_PASSWORD';
    const created = await call('POST', '/v1/secrets', request('create-secret', 'text'));
    expectExample(created, reply('create-secret', '201'));
    const expand = (name: string) => call('POST', '/v1/env/expand', request('expand-env', name));
    const current = await expand('current');
    expectExample(current, reply('expand-env', '200', 'current'));
    const unless = { ...(request('expand-env', 'current') as object), unless: current.json.tag };
    const unchanged = await call('POST', '/v1/env/expand', unless as Json);
    expectExample(unchanged, reply('expand-env', '200', 'unchanged'));
    expectExample(await expand('pin'), reply('expand-env', '200', 'pin'));
    const updated = await call('PUT', path, request('update-secret', 'text'));
    expectExample(updated, reply('update-secret', '200'));
    expectExample(await expand('pinned'), reply('expand-env', '200', 'pinned'));
    expectExample(await call('GET', path), reply('get-secret', '200', 'current'));
    expectExample(await call('GET', `${path}?version=1`), reply('get-secret', '200', 'superseded'));
    const versions = await call('GET', `${path}/versions`);
    expectExample(versions, reply('list-versions', '200', 'intervals'));
    await call('POST', '/v1/secrets', { name: 'DB_HOST', value: 'db' });
    const list = (query: string) => call('GET', `/v1/secrets?${query}`);
    expectExample(await list('prefix=DB_'), reply('list-secrets', '200', 'names'));
    const details = await list('prefix=DB_PASSWORD&include=details');
    expectExample(details, reply('list-secrets', '200', 'details'));
    const explain = (who: Claims, query = '') =>
      vault.call('GET', `${path}/explain${query}`, { token: vault.token(who) });
    const scope = 'secrets:read secrets:delete secrets:explain';
    expectExample(await explain({ scope }), reply('explain-secret', '200', 'stored'));
    const deleted = await call('DELETE', path, request('delete-secret'));
    expectExample(deleted, reply('delete-secret', '200'));
    const again = await call('POST', '/v1/secrets', request('create-secret', 'text'));
    expect(again.json.version).toBe(4);
    const destroyed = await call('DELETE', `${path}/versions/1`);
    expectExample(destroyed, reply('destroy-version', '200'));
    const life = await call('GET', `${path}/versions`);
    expectExample(life, reply('list-versions', '200', 'life'));
    const binary = await call('POST', '/v1/secrets', request('create-secret', 'binary'));
    expect(binary.status).toBe(201);
    expect((await call('PUT', path, request('update-secret', 'binary'))).status).toBe(200);
    const you = { tenant: 'demo', sub: 'you' };
    const own = { ...you, scope: 'secrets:read secrets:write secrets:delete secrets:explain' };
    const caller = await vault.call('GET', '/v1/whoami', { token: vault.token(own) });
    expectExample(caller, reply('whoami', '200'));
    // The status is briefly degraded when a probe takes more than a second.
    const ok = await untilSeen(
      () => call('GET', '/v1/status'),
      ({ status }) => status === 200,
    );
    expectExample(ok, reply('get-status', '200', 'ok'));
    expectExample(await call('GET', '/health'), reply('get-health', '200'));
  });

  it('match a rollback, and a promotion to a new secret', async () => {
    const token = vault.token({ tenant: `copies-${Date.now()}` });
    const call = (method: string, path: string, body?: Json) =>
      vault.call(method, path, { token, ...(body !== undefined && { body }) });
    await call('POST', '/v1/secrets', request('create-secret', 'text'));
    await call('PUT', '/v1/secrets/DB_PASSWORD', request('update-secret', 'text'));
    const copies = '/v1/secrets/DB_PASSWORD/copies';
    const copied = await call('POST', copies, request('copy-secret', 'rollback'));
    expect(settled(copied.json)).toEqual(settled(reply('copy-secret', '200')));
    await call('POST', '/v1/secrets', { name: 'STAGING_DB', value: 'db' });
    const promotion = request('copy-secret', 'promotion');
    const promoted = await call('POST', '/v1/secrets/PROD_DB/copies', promotion);
    expect(promoted.json).toMatchObject({ name: 'PROD_DB', version: 1 });
  });

  it.each([
    ['encrypt-env', '/v1/env/encrypt', 'assignment'],
    ['submit-env', '/v1/env', undefined],
  ])('match the answers of %s, as JSON and bare', async (operationId, path, name) => {
    for (const type of ['application/json', 'text/plain']) {
      const token = vault.token({
        tenant: `${operationId}-${type.replace('/', '-')}-${Date.now()}`,
      });
      const body = { name: 'API_TOKEN', value: 's3cr3t' };
      await vault.call('POST', '/v1/secrets', { token, body });
      const isText = type === 'text/plain';
      // The example of the JSON answer names version 7 of API_TOKEN, so the secret gets that many
      // versions. The example of the text answer names no version.
      for (let version = 2; version <= 7 && !isText; version += 1) {
        await vault.call('PUT', '/v1/secrets/API_TOKEN', { token, body: { value: body.value } });
      }
      const sent = request(operationId, isText ? undefined : name, type);
      const call = isText ? { file: String(sent) } : { body: sent };
      const answered = await vault.call('POST', path, { token, ...call });
      const example = reply(operationId, '200', undefined, type);
      if (isText) expect(answered.text).toBe(example);
      else expect(settled(answered.json)).toEqual(settled(example));
    }
  });
});

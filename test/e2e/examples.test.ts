/** Sends the examples in docs/openapi.yaml and compares the answers. */
import { describe, expect, it } from '@jest/globals';
import { type Json, type Operation, operations } from '../support/openapi.ts';
import { type Example, perRoute } from '../support/routes.ts';
import { useVault } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

type Media = {
  readonly example?: Json;
  readonly examples?: Readonly<Record<string, { readonly value: Json }>>;
};
type Content = { readonly content: Readonly<Record<string, Media>> };

const vault = useVault();

const operationOf = (operationId: string) =>
  operations.find((operation) => operation.operationId === operationId) as Operation;
/** Returns the only example, the one with this name, or the first one. */
const exampleIn = (content: unknown, type: string, name?: string): Json | undefined => {
  const { example, examples = {} } = (content as Content | undefined)?.content[type] ?? {};
  return example ?? (name === undefined ? Object.values(examples)[0] : examples[name])?.value;
};
const request = (operationId: string, name?: string, type = 'application/json') =>
  exampleIn(operationOf(operationId).node['requestBody'], type, name);
const reply = (operationId: string, status: number, name?: string, type = 'application/json') =>
  exampleIn(
    (operationOf(operationId).node['responses'] as Readonly<Record<number, Json>>)[status],
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

const cases = Object.entries(perRoute).flatMap(([operationId, { examples }]) =>
  examples.map((example): [string, string, Example] => [
    example.named === undefined ? operationId : `${operationId}, ${example.named}`,
    operationId,
    example,
  ]),
);
let tenants = 0;
/** Returns the claims of a tenant that has no secrets. */
const newTenant = () => {
  tenants += 1;
  return { tenant: `examples-${Date.now()}-${tenants}` };
};

describe('the examples in docs/openapi.yaml', () => {
  it.each(cases)('match the answer of %s', async (_, operationId, example) => {
    const tenant = newTenant();
    const token = vault.token(tenant);
    const send = (id: string, { query = '', named, claims }: Example = {}) => {
      const { method, path } = operationOf(id);
      const target = path.replace('{name}', 'DB_PASSWORD').replace('{version}', '1') + query;
      const body = request(id, named);
      const call = { token: claims ? vault.token({ ...tenant, ...claims }) : token };
      return vault.call(method, target, { ...call, ...(body !== undefined && { body }) });
    };
    await vault.call('POST', '/v1/secrets', { token, body: { name: 'DB_HOST', value: 'db' } });
    for (const before of example.after ?? []) {
      expect(await send(before)).toMatchObject({ json: { name: 'DB_PASSWORD' } });
    }
    // The status is briefly degraded when a probe takes more than a second.
    const answered = await untilSeen(
      () => send(operationId, example),
      ({ status }) => operationId !== 'get-status' || status === 200,
    );
    const documented = reply(operationId, answered.status, example.named);
    expect(documented).toBeDefined();
    expect(settled(answered.json)).toEqual(settled(documented));
  });

  it('match a binary secret, and a promotion to a new secret', async () => {
    const token = vault.token(newTenant());
    const create = (body: Json) => vault.call('POST', '/v1/secrets', { token, body });
    expect((await create(request('create-secret', 'binary') as Json)).status).toBe(201);
    await create({ name: 'STAGING_DB', value: 'db' });
    const body = request('copy-secret', 'promotion');
    const promoted = await vault.call('POST', '/v1/secrets/PROD_DB/copies', { token, body });
    expect(promoted.json).toMatchObject({ name: 'PROD_DB', version: 1 });
  });

  it('match the answer for a file whose secrets have not changed', async () => {
    const token = vault.token(newTenant());
    await vault.call('POST', '/v1/secrets', { token, body: request('create-secret', 'text') });
    const file = request('expand-env', 'current') as object;
    const expand = (body: object) => vault.call('POST', '/v1/env/expand', { token, body });
    const unchanged = await expand({ ...file, unless: (await expand(file)).json.tag });
    expect(settled(unchanged.json)).toEqual(settled(reply('expand-env', 200, 'unchanged')));
  });

  it.each([
    ['encrypt-env', '/v1/env/encrypt', 'assignment'],
    ['submit-env', '/v1/env', undefined],
  ])('match the answers of %s, as JSON and bare', async (operationId, path, name) => {
    for (const type of ['application/json', 'text/plain']) {
      const token = vault.token(newTenant());
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
      const example = reply(operationId, 200, undefined, type);
      if (isText) expect(answered.text).toBe(example);
      else expect(settled(answered.json)).toEqual(settled(example));
    }
  });
});

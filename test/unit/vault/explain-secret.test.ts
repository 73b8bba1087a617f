import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../../functions/model/errors.ts';
import { type ExplainSecret, explainSecret } from '../../../functions/vault/explain-secret.ts';
import type { Ports } from '../../../functions/vault/request.ts';
import { requestContext, someone } from '../../support/requests.ts';

const portsWith = (probe: () => Promise<unknown>, head?: object): Ports =>
  ({
    store: { for: () => ({ findHead: async () => head }) },
    dataKeys: { for: () => ({ probe }) },
  }) as unknown as Ports;
const working = portsWith(async () => ({ masterKeyId: 'arn:key/1' }));
const explain = (caller: ExplainSecret['caller'], own = {}, ports = working) =>
  explainSecret(ports)(requestContext(), someone(own), { name: 'app.DB', caller });

describe('the explained access of a caller', () => {
  const yes = (pattern: string) => ({ allowed: true, why: `the pattern ${pattern} covers it` });
  const no = (why: string) => ({ allowed: false, why });
  const lacks = (scope: string) => `the scope secrets:${scope} is missing`;
  const uncovered = 'the names do not cover it';

  it.each<[string, readonly string[], readonly string[], object, object, object]>([
    [
      'only the scope to read',
      ['secrets:read'],
      ['app.*'],
      yes('app.*'),
      no(lacks('write')),
      no(lacks('delete')),
    ],
    [
      'only the scopes to write and delete',
      ['secrets:write', 'secrets:delete'],
      ['X', 'app.DB', '*'],
      no(lacks('read')),
      yes('app.DB'),
      yes('app.DB'),
    ],
    [
      'names that do not cover the secret',
      ['secrets:read', 'secrets:write'],
      ['app.D', 'app.DB.*'],
      no(uncovered),
      no(uncovered),
      no(`${lacks('delete')}, and ${uncovered}`),
    ],
    [
      'no scope to read, write or delete',
      ['secrets:destroy', 'secrets:explain', 'vault:status'],
      ['*'],
      no(lacks('read')),
      no(lacks('write')),
      no(lacks('delete')),
    ],
  ])(
    'has a reason for each answer, for a caller with %s',
    async (_, scopes, names, read, update, remove) => {
      const { caller } = await explain({ scopes, names });
      expect(caller).toMatchObject({ scopes, names, access: { read, update, delete: remove } });
    },
  );

  it('names the first pattern that covers the name, if there is one', async () => {
    expect((await explain({ names: ['X', 'a*', '*'] })).caller.pattern).toBe('a*');
    expect((await explain({ names: ['X'] })).caller.pattern).toBeUndefined();
  });

  it("takes from the caller's own token the scopes or names that the question leaves out", async () => {
    const own = { scopes: ['secrets:delete'], names: ['app.*'] };
    expect((await explain({}, own)).caller).toMatchObject({
      ...own,
      access: { read: { allowed: false }, delete: yes('app.*') },
    });
    const { caller } = await explain({ scopes: ['secrets:read'] }, own);
    expect(caller).toMatchObject({ names: ['app.*'], access: { read: yes('app.*') } });
    const { access } = (await explain({ names: ['X'] }, own)).caller;
    expect(access.delete).toEqual(no(uncovered));
    expect((await explain({}, { names: undefined })).caller.names).toEqual(['*']);
  });
});

describe('the explained state of the master key', () => {
  it.each([
    ['unusable', false],
    ['unreachable', true],
  ] as const)('is %s after a fault whose retryable is %s', async (state, retryable) => {
    const ports = portsWith(async () => {
      throw new ApiError('master_key_unavailable', '', { retryable });
    });
    expect((await explain({}, {}, ports)).masterKey).toEqual({
      state,
      id: undefined,
      sealedCurrent: undefined,
    });
  });

  it.each([
    [true, { state: 'stored', masterKeyId: 'arn:key/1' }],
    [false, { state: 'stored', masterKeyId: 'arn:key/2' }],
    [undefined, { state: 'deleted' }],
    [undefined, undefined],
  ])(
    'says whether the current value was sealed under this key: %s',
    async (sealedCurrent, head) => {
      const ports = portsWith(async () => ({ masterKeyId: 'arn:key/1' }), head);
      const { masterKey } = await explain({}, {}, ports);
      expect(masterKey).toEqual({ state: 'usable', id: '1', sealedCurrent });
    },
  );

  it('is not returned after a bug, whose error reaches the caller', async () => {
    const ports = portsWith(() => Promise.reject(new TypeError('a bug')));
    await expect(explain({}, {}, ports)).rejects.toThrow('a bug');
  });
});

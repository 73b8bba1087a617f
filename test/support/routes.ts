/**
 * What the suites must know of each route. They iterate over this record, so a new operation in
 * docs/openapi.yaml does not compile until it has an entry here. Costs and grants are literals: if
 * they were derived from one another, two suites could agree on a wrong one.
 */
import { randomUUID } from 'node:crypto';
import type { OperationId } from '../../client/types.ts';
import { limits } from '../../functions/model/limits.ts';
import {
  type Cost,
  envCost,
  getAtCost,
  itemReads,
  none,
  overDeletion,
  withRecord,
} from './costs.ts';
import { freshName } from './fresh-name.ts';
import {
  began,
  copy,
  copyableHead,
  copyableSecrets,
  create,
  deletedSecret,
  destroy,
  encryptNext,
  env,
  expandUnchanged,
  get,
  getKnown,
  list,
  newNames,
  nothing,
  type Operation,
  oldSecrets,
  oldSecretsAndTag,
  one,
  remove,
  telling,
  three,
  twoOld,
  update,
} from './operations.ts';
import type { Request } from './prepared-requests.ts';
import * as sends from './prepared-requests.ts';
import type { Call } from './running-vault.ts';
import type { Claims } from './tokens.ts';
import { vaultOver } from './vault.ts';

/** A request about the secret `name`. The caller may see the secret `other`. */
export type Ask = (name: string, other: string) => Request;

/**
 * Names of secrets: `old` has three versions, of which the first is destroyed, `gone` was deleted
 * after two versions, and `missing` never existed.
 */
type Secrets = Readonly<Record<'old' | 'gone' | 'missing', string>>;
type Logged = { readonly code?: string; readonly secret?: string; readonly version?: number };

/** A request about `DB_PASSWORD`, in a tenant that has this secret and `DB_HOST`. */
export type Example = {
  /** The writes that precede it, each with the first example of its body. */
  readonly after?: readonly OperationId[];
  readonly claims?: Claims;
  /** The name of the example that is its body, if there are several. */
  readonly request?: string;
  readonly query?: string;
  /** The name of the example that is its answer, if there are several. */
  readonly reply?: string;
};

type Route = {
  /** The scopes that a token needs; undefined if the route needs no token. */
  readonly scopes: readonly string[] | undefined;
  /** What template.yaml allows the function: IAM actions and resources of the template. */
  readonly grants: readonly string[];
  /**
   * The most calls of one request that count toward the key's quota of cryptographic operations.
   * DescribeKey counts toward another one.
   */
  readonly keyCallsMax: number;
  /**
   * Requests about a secret, by a title that begins with the operation. To each, a secret that the
   * caller may not see looks missing. Empty for a route that takes no name of an existing secret
   * (e2e/isolation has tests of its own for lists and creates).
   */
  readonly hides: Readonly<Record<string, Ask>>;
  /** The status for a missing secret whose name the token covers, unless it is 404. */
  readonly missing?: 200;
  /**
   * Requests, sent in this order, and what the log line of each says: the code of a refusal, the
   * secret, and the version.
   */
  readonly logs: (secrets: Secrets) => readonly (readonly [Logged, Request])[];
  /** Requests that get an example of docs/openapi.yaml; e2e/examples has those of files. */
  readonly examples: readonly Example[];
  /** Requests of every kind, with which test/cloud/policies tries the grants. */
  readonly prepared: Readonly<Record<string, sends.Prepare>>;
  /** The operation as the proofs run it; none if it does not concern secrets. */
  readonly runs: readonly Operation[];
};

const onTable = (...actions: readonly string[]) =>
  actions.map((action) => `dynamodb:${action} SecretsTable`);
const onKey = (...actions: readonly string[]) => actions.map((action) => `kms:${action} MasterKey`);

const of =
  (method: string, end = '', call: Call = {}) =>
  (name: string): Request => [method, `/v1/secrets/${name}${end}`, call];
const ifMatch = { headers: { 'If-Match': '"3"' } };
const known = { headers: { 'If-None-Match': '"3"' } };
const withKey = { headers: { 'Idempotency-Key': randomUUID() } };
const body = { value: 'x' };
const copying = { body: { from: { version: 1 } } };
const file = (name: string) => ({ content: `A=1\nB="secret(${name})"\n` });
/** A file that creates this secret. */
const creating = (name: string) => ({ content: `A=enc(${name})\n`, values: { [name]: 'v' } });
const post = (end: string, body: object): Request => ['POST', `/v1/secrets${end}`, { body }];
const onFile = (end: string, body: object): Request => ['POST', `/v1/env${end}`, { body }];

const created: readonly OperationId[] = ['create-secret'];
const updated: readonly OperationId[] = ['create-secret', 'update-secret'];

type Costs = Pick<Operation, 'cost' | 'keyed'> & Partial<Operation>;
const writer = (
  name: string,
  prepare: Operation['prepare'],
  run: Operation['run'],
  writes: Operation['writes'],
  costs: Costs,
): Operation => ({ name, prepare, run, writes, leaves: 'stored', ...costs });
const ofFile = (file: Parameters<typeof envCost>[0]): Costs => ({
  cost: envCost(file),
  keyed: envCost({ ...file, recordKb: 1 }),
});
const reader = (
  name: string,
  run: Operation['run'],
  cost: Cost,
  prepare: Operation['prepare'] = oldSecrets,
): Operation => writer(name, prepare, run, [], { cost });

export const perRoute: Readonly<Record<OperationId, Route>> = {
  'create-secret': {
    scopes: ['secrets:write'],
    grants: [...onTable('PutItem', 'GetItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: 1,
    hides: {},
    logs: ({ old, missing }) => [
      [{ code: 'secret_exists', secret: old }, post('', { name: old, ...body })],
      [{ code: 'invalid_request' }, post('', { name: missing })],
    ],
    examples: [{ request: 'text' }],
    prepared: {
      'create-secret': sends.create(false),
      'create-secret, keyed': sends.create(true),
      'create-secret over a deletion': sends.create(false, sends.makeDeleted),
      'create-secret over a deletion, keyed': sends.create(true, sends.makeDeleted),
    },
    runs: [
      writer('create-secret', nothing, create('A'), [one('A', 1)], {
        cost: { store: ['PutItem'], kms: ['GenerateDataKey'], reads: 0, writes: 1 + 1 },
        keyed: {
          store: ['GetItem', 'TransactWriteItems'],
          kms: ['GenerateDataKey'],
          reads: 1,
          writes: 2 * 2 + 1,
        },
      }),
      writer('create-secret over a deletion', deletedSecret, create('GONE'), [one('GONE', 3)], {
        // First a put is tried and refused, which costs one write unit. Then two read units are
        // spent on checking whether an earlier attempt stored the first version.
        cost: {
          store: ['PutItem', 'TransactGetItems', 'TransactWriteItems'],
          kms: ['GenerateDataKey'],
          reads: 2,
          writes: 2 * 2 + 2,
        },
        keyed: overDeletion({ keyed: 1, writes: 2 * 3 + 2 }),
      }),
    ],
  },
  'update-secret': {
    scopes: ['secrets:write'],
    grants: [...onTable('GetItem', 'PutItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: 1,
    hides: {
      'update-secret': of('PUT', '', { body }),
      'update-secret with If-Match': of('PUT', '', { body, ...ifMatch }),
      'update-secret with a key': of('PUT', '', { body, ...withKey }),
    },
    logs: ({ old, missing }) => [
      [{ secret: old }, of('PUT', '', { body })(old)],
      [{ code: 'not_found', secret: missing }, of('PUT', '', { body })(missing)],
    ],
    examples: [
      { after: created, request: 'text' },
      { after: created, request: 'binary' },
    ],
    prepared: {
      'update-secret': sends.old(of('PUT', '', { body })),
      'update-secret of a version': sends.old(of('PUT', '', { body, ...ifMatch })),
      'update-secret, keyed': sends.old(of('PUT', '', { body }), true),
    },
    runs: [
      writer(
        'update-secret',
        oldSecrets,
        update,
        [one('OLD_Q', 3)],
        withRecord({
          store: ['GetItem', 'TransactWriteItems'],
          kms: ['GenerateDataKey'],
          reads: 1,
          writes: 2 * 2,
        }),
      ),
    ],
  },
  // The transaction of a copy also has a condition on its source, which costs as much as a write.
  'copy-secret': {
    scopes: ['secrets:write'],
    grants: [
      ...onTable('GetItem', 'PutItem', 'ConditionCheckItem'),
      ...onKey('GenerateDataKey', 'Decrypt'),
    ],
    keyCallsMax: 2,
    hides: {
      'copy-secret': of('POST', '/copies', copying),
      'copy-secret with If-Match': of('POST', '/copies', { ...copying, ...ifMatch }),
      'copy-secret with a key': of('POST', '/copies', { ...copying, ...withKey }),
      'copy-secret to another': (name, other) => post(`/${other}/copies`, { from: { name } }),
      'copy-secret of a version to another': (name, other) =>
        post(`/${other}/copies`, { from: { name, version: 3 } }),
    },
    logs: ({ gone, missing }) => [
      [{ code: 'not_found', secret: gone }, of('POST', '/copies', copying)(gone)],
      [{ code: 'not_found', secret: missing }, of('POST', '/copies', copying)(missing)],
      [{ secret: gone }, post(`/${gone}/copies`, { ...copying.body, create: true })],
    ],
    examples: [{ after: updated, request: 'rollback' }],
    prepared: {
      'copy-secret': sends.old(of('POST', '/copies', copying)),
      'copy-secret of another secret, keyed': sends.copyOfAnother,
      'copy-secret that creates': sends.old((name) =>
        post(`/${freshName()}/copies`, { from: { name }, create: true }),
      ),
    },
    runs: [
      writer(
        'copy-secret',
        copyableSecrets,
        copy('OLD_Q', { name: 'OLD_P', version: 2 }),
        [one('OLD_Q', 3)],
        withRecord({
          store: ['GetItem', 'TransactGetItems', 'TransactWriteItems'],
          kms: ['Decrypt', 'GenerateDataKey'],
          reads: 2 * 2 + 1,
          writes: 2 * 3,
        }),
      ),
      writer(
        'copy-secret that creates',
        copyableHead,
        copy('COPIED', { name: 'FROM' }, true),
        [one('COPIED', 1)],
        withRecord({
          store: ['TransactGetItems', 'TransactWriteItems'],
          kms: ['Decrypt', 'GenerateDataKey'],
          reads: 2 * 2,
          writes: 2 * 2 + 1,
        }),
      ),
    ],
  },
  'delete-secret': {
    scopes: ['secrets:delete'],
    grants: [...onTable('GetItem', 'PutItem')],
    keyCallsMax: 0,
    hides: {
      'delete-secret': of('DELETE'),
      'delete-secret with a note': of('DELETE', '', { body: { note: 'no longer needed' } }),
      'delete-secret with If-Match': of('DELETE', '', ifMatch),
      'delete-secret with a key': of('DELETE', '', withKey),
    },
    logs: ({ old, gone, missing }) => [
      [{ secret: old }, of('DELETE')(old)],
      [{ code: 'not_found', secret: gone }, of('DELETE')(gone)],
      [{ code: 'not_found', secret: missing }, of('DELETE')(missing)],
    ],
    examples: [{ after: updated }],
    prepared: {
      'delete-secret': sends.old(of('DELETE')),
      'delete-secret with a note': sends.old(of('DELETE', '', { body: { note: 'not used' } })),
      'delete-secret of a version': sends.old(of('DELETE', '', ifMatch)),
      'delete-secret, keyed': sends.old(of('DELETE'), true),
    },
    runs: [
      writer('delete-secret', oldSecrets, remove, [one('OLD_Q', 3)], {
        leaves: 'deleted',
        // The secret's entry in the index moves to the partition of the deleted names: one unit to
        // remove it, and one to put it there.
        ...withRecord({
          store: ['GetItem', 'TransactWriteItems'],
          kms: [],
          reads: 1,
          writes: 2 * 2 + 2,
        }),
      }),
    ],
  },
  'encrypt-env': {
    scopes: ['secrets:write'],
    grants: [...onTable('PutItem', 'GetItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: limits.fileNamesMax,
    hides: {},
    logs: ({ missing }) => [[{}, onFile('/encrypt', creating(missing))]],
    examples: [],
    prepared: {
      'encrypt-env of one name': sends.env('/encrypt', { fresh: 1 }),
      'encrypt-env, keyed': sends.env('/encrypt', { fresh: 2, keyed: true }),
      'encrypt-env over deletions': sends.env('/encrypt', { fresh: 1, gone: 2 }),
      'encrypt-env of next versions': sends.env('/encrypt', { next: 2 }),
      'encrypt-env of all kinds': sends.env('/encrypt', {
        fresh: 1,
        gone: 1,
        next: 1,
        keyed: true,
      }),
    },
    runs: [
      writer(
        'encrypt-env of one name',
        nothing,
        env('encrypt', newNames(['A'])),
        [one('A', 1)],
        ofFile({ created: 1 }),
      ),
      writer(
        'encrypt-env',
        nothing,
        env('encrypt', newNames(three)),
        three.map((name) => one(name, 1)),
        ofFile({ created: 3 }),
      ),
      // Both names are read again before the second attempt.
      writer(
        'encrypt-env over a deletion',
        deletedSecret,
        env('encrypt', newNames(['A', 'GONE'])),
        [one('A', 1), one('GONE', 3)],
        {
          cost: overDeletion({ names: 2, writes: 2 * 3 + 1 + 2 }),
          keyed: overDeletion({ names: 2, keyed: 2, writes: 2 * 4 + 1 + 2 }),
        },
      ),
      writer(
        'encrypt-env of next versions',
        oldSecrets,
        encryptNext,
        [one('OLD_P', 5), one('OLD_Q', 3)],
        ofFile({ next: 2 }),
      ),
    ],
  },
  'submit-env': {
    scopes: ['secrets:read', 'secrets:write'],
    grants: [
      ...onTable('GetItem', 'PutItem', 'ConditionCheckItem'),
      ...onKey('GenerateDataKey', 'Decrypt'),
    ],
    keyCallsMax: limits.fileNamesMax,
    hides: {
      'submit-env': (name) => onFile('', file(name)),
    },
    logs: ({ old }) => [[{ code: 'secret_exists' }, onFile('', creating(old))]],
    examples: [],
    prepared: {
      'submit-env': sends.env('', { fresh: 1, old: 1 }),
      'submit-env, keyed': sends.env('', { fresh: 2, old: 2, keyed: true }),
      'submit-env with pins': sends.env('', { fresh: 1, old: 1, pinned: true }),
      'submit-env over a deletion': sends.env('', { gone: 1, old: 1, keyed: true }),
      'submit-env of next versions': sends.env('', { next: 2, old: 1 }),
      'submit-env to try': sends.env('', { fresh: 1, old: 1, more: { dryRun: true } }),
    },
    runs: [
      writer(
        'submit-env',
        oldSecrets,
        env('submit', `${newNames(three)}${twoOld}`),
        three.map((name) => one(name, 1)),
        ofFile({ created: 3, read: 2 }),
      ),
    ],
  },
  'destroy-version': {
    scopes: ['secrets:destroy'],
    grants: [...onTable('GetItem', 'PutItem')],
    keyCallsMax: 0,
    hides: {
      'destroy-version': of('DELETE', '/versions/1'),
      'destroy-version of the latest': of('DELETE', '/versions/2'),
    },
    logs: ({ old }) => [
      [{ secret: old, version: 2 }, of('DELETE', '/versions/2')(old)],
      [{ code: 'version_current', secret: old, version: 3 }, of('DELETE', '/versions/3')(old)],
    ],
    examples: [{ after: updated }],
    prepared: {
      'destroy-version': sends.old(of('DELETE', '/versions/1')),
      'destroy-version of the current version': sends.old(of('DELETE', '/versions/3')),
    },
    runs: [
      writer('destroy-version', oldSecrets, destroy, [one('OLD_P', 2)], {
        leaves: 'destroyed',
        cost: { store: ['GetItem', 'GetItem', 'PutItem'], kms: [], reads: 2, writes: 1 },
      }),
    ],
  },
  'get-secret': {
    scopes: ['secrets:read'],
    grants: [...onTable('GetItem'), ...onKey('Decrypt')],
    keyCallsMax: 1,
    hides: {
      'get-secret': of('GET'),
      'get-secret by HEAD': of('HEAD'),
      'get-secret with If-None-Match': of('GET', '', { headers: { 'If-None-Match': '*' } }),
      'get-secret of a version': of('GET', '?version=1'),
      'get-secret as of now': (name) => of('GET', `?at=${new Date().toISOString()}`)(name),
    },
    logs: ({ old, missing }) => [
      [{ secret: old, version: 3 }, of('GET')(old)],
      [{ secret: old, version: 2 }, of('GET', '?version=2')(old)],
      [{ secret: old, version: 3 }, of('GET', '', known)(old)],
      [{ code: 'version_destroyed', secret: old }, of('GET', '?version=1')(old)],
      [{ code: 'not_found', secret: old }, of('GET', '?version=4')(old)],
      [{ code: 'not_found', secret: missing }, of('GET')(missing)],
    ],
    examples: [
      { after: updated, reply: 'current' },
      { after: updated, query: '?version=1', reply: 'superseded' },
    ],
    prepared: {
      'get-secret': sends.old(of('GET')),
      'get-secret by version': sends.old(of('GET', '?version=1')),
      'get-secret at an instant': sends.old((name, at) => of('GET', `?at=${at}`)(name)),
      'get-secret, unchanged': sends.old(of('GET', '', known)),
    },
    runs: [
      reader('get-secret', get('latest'), itemReads(1, 'Decrypt')),
      reader('get-secret, unchanged', getKnown, itemReads(1)),
      reader('get-secret by version', get({ version: 2 }), itemReads(3, 'Decrypt')),
      // Version 2 of 4 takes the head and two steps of the binary search.
      reader('get-secret at an instant', get({ at: began + 1_500 }), getAtCost(4)),
    ],
  },
  'explain-secret': {
    scopes: ['secrets:explain'],
    grants: [...onTable('GetItem'), ...onKey('DescribeKey')],
    keyCallsMax: 0,
    hides: {
      'explain-secret': of('GET', '/explain'),
    },
    missing: 200,
    logs: ({ gone, missing }) => [
      [{ secret: gone, version: 3 }, of('GET', '/explain')(gone)],
      [{ secret: missing }, of('GET', '/explain')(missing)],
    ],
    examples: [
      {
        after: updated,
        claims: { scope: 'secrets:read secrets:delete secrets:explain' },
        reply: 'stored',
      },
    ],
    prepared: {
      'explain-secret': sends.old(of('GET', '/explain')),
    },
    runs: [
      // The answer leaves out the state of the master key, which may change at any time.
      reader(
        'explain-secret',
        () => async (ports, context, principal) => {
          const told = await vaultOver(ports).explain(principal, 'OLD_P', {}, { context });
          return telling([told.head?.version, told.readCost, told.caller]);
        },
        // It reads the head, which costs as much as a read of the secret.
        itemReads(1, 'DescribeKey'),
      ),
    ],
  },
  'list-versions': {
    scopes: ['secrets:list'],
    grants: [...onTable('GetItem', 'Query'), ...onKey('Decrypt')],
    keyCallsMax: limits.valuesPageMax,
    hides: {
      'list-versions': of('GET', '/versions'),
      'list-versions by HEAD': of('HEAD', '/versions'),
      'list-versions with values': of('GET', '/versions?include=values'),
    },
    logs: ({ gone, missing }) => [
      [{ secret: gone }, of('GET', '/versions')(gone)],
      [{ code: 'not_found', secret: missing }, of('GET', '/versions')(missing)],
    ],
    examples: [
      { after: updated, reply: 'intervals' },
      {
        after: [...updated, 'delete-secret', 'create-secret', 'destroy-version'],
        reply: 'life',
      },
    ],
    prepared: {
      'list-versions': sends.old(of('GET', '/versions?include=values&limit=2')),
    },
    runs: [
      reader(
        'list-versions',
        () => async (ports, context, principal) => {
          const page = { limit: 10, includeValues: true };
          const asked = vaultOver(ports).versions(principal, 'OLD_P', page, { context });
          const { versions } = await asked;
          return telling(versions.map(({ stored, value }) => [stored.version, String(value)]));
        },
        // The three versions below the head are small enough for one unit together.
        { store: ['GetItem', 'Query'], kms: Array(4).fill('Decrypt'), reads: 1 + 1, writes: 0 },
      ),
    ],
  },
  // Half a unit is the smallest cost of a query. The few names here do not exceed it.
  'list-secrets': {
    scopes: ['secrets:list'],
    grants: ['dynamodb:Query SecretsTable/index/byTenant', ...onTable('BatchGetItem')],
    keyCallsMax: 0,
    hides: {},
    logs: () => [[{}, ['GET', '/v1/secrets']]],
    examples: [
      { after: updated, query: '?prefix=DB_', reply: 'names' },
      { after: updated, query: '?prefix=DB_PASSWORD&include=details', reply: 'details' },
    ],
    prepared: {
      'list-secrets': sends.old(() => ['GET', '/v1/secrets?limit=1']),
      'list-secrets with details': sends.old((name) => [
        'GET',
        `/v1/secrets?prefix=${name}&include=details`,
      ]),
    },
    runs: [
      reader('list-secrets', list({}), { ...none, store: ['Query'], reads: 0.5 }),
      reader('list-secrets with details', list({ includeDetails: true }), {
        ...none,
        store: ['BatchGetItem', 'Query'],
        reads: 0.5 + 2,
      }),
      reader(
        'list-secrets, deleted',
        list({ state: 'deleted', includeDetails: true }),
        { ...none, store: ['BatchGetItem', 'Query'], reads: 0.5 + 1 },
        async (ports, principal) => {
          await oldSecrets(ports, principal);
          await deletedSecret(ports, principal);
        },
      ),
    ],
  },
  'expand-env': {
    scopes: ['secrets:read'],
    grants: [...onTable('GetItem'), ...onKey('Decrypt')],
    keyCallsMax: limits.fileNamesMax,
    hides: {
      'expand-env': (name) => onFile('/expand', file(name)),
      'expand-env with a pin': (name) => onFile('/expand', file(`${name}@1`)),
      'expand-env with unless': (name) =>
        onFile('/expand', { ...file(name), unless: 'a'.repeat(43) }),
    },
    logs: ({ old }) => [
      [{}, onFile('/expand', file(old))],
      [{ code: 'invalid_env' }, onFile('/expand', { content: 'A' })],
    ],
    examples: [
      { after: created, request: 'current', reply: 'current' },
      { after: created, request: 'pin', reply: 'pin' },
      { after: updated, request: 'pinned', reply: 'pinned' },
    ],
    prepared: {
      'expand-env': sends.env('/expand', { old: 2 }),
      'expand-env with pins': sends.env('/expand', { old: 1, pinned: true }),
      'expand-env, unchanged': sends.unchanged,
    },
    runs: [
      reader('expand-env', env('expand', twoOld), envCost({ read: 2 })),
      reader(
        'expand-env, unchanged',
        expandUnchanged,
        { ...none, store: ['TransactGetItems'], reads: 2 * 2 },
        oldSecretsAndTag,
      ),
      reader(
        'expand-env with pins',
        env('expand', `${twoOld}R=secret(OLD_P@1)\n`),
        envCost({ read: 2, superseded: 1 }),
      ),
    ],
  },
  whoami: {
    scopes: [],
    grants: [],
    keyCallsMax: 0,
    hides: {},
    logs: () => [[{}, ['GET', '/v1/whoami']]],
    examples: [
      {
        claims: {
          tenant: 'demo',
          sub: 'you',
          scope: 'secrets:read secrets:write secrets:delete secrets:explain',
        },
      },
    ],
    prepared: {
      whoami: sends.old(() => ['GET', '/v1/whoami']),
    },
    runs: [],
  },
  'get-status': {
    scopes: [],
    grants: [...onTable('DescribeTable'), ...onKey('DescribeKey')],
    keyCallsMax: 0,
    hides: {},
    logs: () => [[{}, ['GET', '/v1/status']]],
    examples: [{ reply: 'ok' }],
    prepared: {
      'get-status': sends.old(() => ['GET', '/v1/status']),
    },
    runs: [],
  },
  'get-health': {
    scopes: undefined,
    grants: [],
    keyCallsMax: 0,
    hides: {},
    logs: () => [[{}, ['GET', '/health']]],
    examples: [{}],
    prepared: {
      'get-health': sends.old(() => ['GET', '/health']),
    },
    runs: [],
  },
};

const everyRun = Object.values(perRoute).flatMap(({ runs }) => runs);
export const writers = everyRun.filter(({ writes }) => writes.length > 0);
export const keyedWriters = writers.filter(({ keyed }) => keyed !== undefined);
export const readers = everyRun.filter(({ writes }) => writes.length === 0);

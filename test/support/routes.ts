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
  calls,
  envCost,
  fileCosts,
  getAtCost,
  itemReads,
  overDeletion,
  withRecord,
} from './costs.ts';
import { freshName } from './fresh-name.ts';
import * as run from './operations.ts';
import * as sends from './prepared-requests.ts';
import type { Call } from './running-vault.ts';
import type { Claims } from './tokens.ts';
import { vaultOver } from './vault.ts';

type Request = sends.Request;

/**
 * Names of secrets: `old` has three versions, of which the first is destroyed, `gone` was deleted
 * after one version, and `missing` never existed.
 */
type Secrets = Readonly<Record<'old' | 'gone' | 'missing', string>>;
type Logged = { readonly code?: string; readonly secret?: string; readonly version?: number };

/** A request about `DB_PASSWORD`, in a tenant that also has the secret `DB_HOST`. */
export type Example = {
  /** The writes that precede it, each with the first example of its body. */
  readonly after?: readonly OperationId[];
  readonly claims?: Claims;
  readonly query?: string;
  /** The name of the examples that are its body and its answer, where there are several. */
  readonly named?: string;
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
   * caller may not see looks missing. Empty for a route that takes no name of an existing secret:
   * e2e/isolation has tests of its own for lists and creates.
   */
  readonly asks: Readonly<Record<string, sends.Ask>>;
  /** The status for a missing secret whose name the token covers, unless it is 404. */
  readonly missing?: 200;
  /** Further requests that use the grants; test/cloud/policies also sends `asks`. */
  readonly sends?: Readonly<Record<string, sends.Prepare>>;
  /**
   * Requests, sent in this order, and what the log line of each says: the code of a refusal, the
   * secret, and the version.
   */
  readonly logs: (secrets: Secrets) => readonly (readonly [Logged, Request])[];
  /** Requests that get an example of docs/openapi.yaml; e2e/examples has those of files. */
  readonly examples: readonly Example[];
  /** The operation as the proofs run it, and its cost: without an idempotency key, and with one. */
  readonly runs: Readonly<Record<string, readonly [run.Scene, Cost, Cost?]>>;
};

const onTable = (...actions: readonly string[]) =>
  actions.map((action) => `dynamodb:${action} SecretsTable`);
const onKey = (...actions: readonly string[]) => actions.map((action) => `kms:${action} MasterKey`);

const of =
  (method: string, end = '', call: Call = {}) =>
  (name: string): Request => [method, `/v1/secrets/${name}${end}`, call];
const list = (query: string): Request => ['GET', `/v1/secrets${query}`];
const post = (end: string, body: object): Request => ['POST', `/v1/secrets${end}`, { body }];
const onFile = (end: string, body: object): Request => ['POST', `/v1/env${end}`, { body }];
const keyed =
  (ask: sends.Ask): sends.Ask =>
  (...names) => {
    const [method, path, call] = ask(...names);
    return [method, path, { ...call, headers: { 'Idempotency-Key': randomUUID() } }];
  };
const body = { value: 'x' };
const copying = { body: { from: { version: 1 } } };
const ifMatch = { headers: { 'If-Match': '"3"' } };
const known = { headers: { 'If-None-Match': '"3"' } };
const [update, copy, remove] = [
  of('PUT', '', { body }),
  of('POST', '/copies', copying),
  of('DELETE'),
];
const copyToOther: sends.Ask = (name, other) => post(`/${other}/copies`, { from: { name } });
const file = (name: string) => ({ content: `A=1\nB="secret(${name})"\n` });
/** A file that creates this secret. */
const creating = (name: string) => ({ content: `A=enc(${name})\n`, values: { [name]: 'v' } });

const created: readonly OperationId[] = ['create-secret'];
const updated: readonly OperationId[] = ['create-secret', 'update-secret'];

/** A route that does not concern a secret. */
const general = { keyCallsMax: 0, asks: {}, runs: {} };

export const perRoute: Readonly<Record<OperationId, Route>> = {
  'create-secret': {
    scopes: ['secrets:write'],
    grants: [...onTable('PutItem', 'GetItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: 1,
    asks: {},
    sends: {
      'create-secret': sends.create(false),
      'create-secret, keyed': sends.create(true),
      'create-secret over a deletion': sends.create(false, sends.makeDeleted),
      'create-secret over a deletion, keyed': sends.create(true, sends.makeDeleted),
    },
    logs: ({ old, missing }) => [
      [{ code: 'secret_exists', secret: old }, post('', { name: old, ...body })],
      [{ code: 'invalid_request' }, post('', { name: missing })],
    ],
    examples: [{ named: 'text' }],
    runs: {
      'create-secret': [
        run.create('A'),
        calls({ writes: 1 + 1 }, 'PutItem', 'GenerateDataKey'),
        calls({ reads: 1, writes: 2 * 2 + 1 }, 'GetItem', 'TransactWriteItems', 'GenerateDataKey'),
      ],
      // First a put is tried and refused, which costs one write unit. Then two read units are spent
      // on checking whether an earlier attempt stored the first version.
      'create-secret over a deletion': [
        run.create('GONE', 3, run.deletedSecret),
        calls(
          { reads: 2, writes: 2 * 2 + 2 },
          ...['PutItem', 'TransactGetItems', 'TransactWriteItems', 'GenerateDataKey'],
        ),
        overDeletion({ keyed: 1, writes: 2 * 3 + 2 }),
      ],
    },
  },
  'update-secret': {
    scopes: ['secrets:write'],
    grants: [...onTable('GetItem', 'PutItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: 1,
    asks: {
      'update-secret': update,
      'update-secret with If-Match': of('PUT', '', { body, ...ifMatch }),
      'update-secret with a key': keyed(update),
    },
    logs: ({ old, missing }) => [
      [{ secret: old }, update(old)],
      [{ code: 'not_found', secret: missing }, update(missing)],
    ],
    examples: [
      { after: created, named: 'text' },
      { after: created, named: 'binary' },
    ],
    runs: {
      'update-secret': [
        run.update,
        ...withRecord(
          { reads: 1, writes: 2 * 2 },
          ...['GetItem', 'TransactWriteItems', 'GenerateDataKey'],
        ),
      ],
    },
  },
  // The transaction of a copy also has a condition on its source, which costs as much as a write.
  'copy-secret': {
    scopes: ['secrets:write'],
    grants: [
      ...onTable('GetItem', 'PutItem', 'ConditionCheckItem'),
      ...onKey('GenerateDataKey', 'Decrypt'),
    ],
    keyCallsMax: 2,
    asks: {
      'copy-secret': copy,
      'copy-secret with If-Match': of('POST', '/copies', { ...copying, ...ifMatch }),
      'copy-secret with a key': keyed(copy),
      'copy-secret to another': copyToOther,
      'copy-secret to another with a key': keyed(copyToOther),
      'copy-secret of a version to another': (name, other) =>
        post(`/${other}/copies`, { from: { name, version: 3 } }),
    },
    sends: {
      'copy-secret that creates': sends.old((name) =>
        post(`/${freshName()}/copies`, { from: { name }, create: true }),
      ),
    },
    logs: ({ gone, missing }) => [
      [{ code: 'not_found', secret: gone }, copy(gone)],
      [{ code: 'not_found', secret: missing }, copy(missing)],
      [{ secret: gone }, post(`/${gone}/copies`, { ...copying.body, create: true })],
    ],
    examples: [{ after: updated, named: 'rollback' }],
    runs: {
      'copy-secret': [
        run.copyOlder,
        ...withRecord(
          { reads: 2 * 2 + 1, writes: 2 * 3 },
          ...['GetItem', 'TransactGetItems', 'TransactWriteItems', 'Decrypt', 'GenerateDataKey'],
        ),
      ],
      'copy-secret that creates': [
        run.copyToNew,
        ...withRecord(
          { reads: 2 * 2, writes: 2 * 2 + 1 },
          ...['TransactGetItems', 'TransactWriteItems', 'Decrypt', 'GenerateDataKey'],
        ),
      ],
    },
  },
  'delete-secret': {
    scopes: ['secrets:delete'],
    grants: onTable('GetItem', 'PutItem'),
    keyCallsMax: 0,
    asks: {
      'delete-secret': remove,
      'delete-secret with a note': of('DELETE', '', { body: { note: 'no longer needed' } }),
      'delete-secret with If-Match': of('DELETE', '', ifMatch),
      'delete-secret with a key': keyed(remove),
    },
    logs: ({ old, gone, missing }) => [
      [{ secret: old }, remove(old)],
      [{ code: 'not_found', secret: gone }, remove(gone)],
      [{ code: 'not_found', secret: missing }, remove(missing)],
    ],
    examples: [{ after: updated }],
    runs: {
      // The secret's entry in the index moves to the partition of the deleted names: one unit to
      // remove it, and one to put it there.
      'delete-secret': [
        run.remove,
        ...withRecord({ reads: 1, writes: 2 * 2 + 2 }, 'GetItem', 'TransactWriteItems'),
      ],
    },
  },
  'encrypt-env': {
    scopes: ['secrets:write'],
    grants: [...onTable('PutItem', 'GetItem'), ...onKey('GenerateDataKey')],
    keyCallsMax: limits.fileNamesMax,
    asks: {},
    sends: {
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
    logs: ({ missing }) => [[{}, onFile('/encrypt', creating(missing))]],
    examples: [],
    runs: {
      'encrypt-env of one name': [run.encrypt({ A: 1 }), ...fileCosts({ created: 1 })],
      'encrypt-env': [run.encrypt(run.three), ...fileCosts({ created: 3 })],
      // Both names are read again before the second attempt.
      'encrypt-env over a deletion': [
        run.encrypt({ A: 1, GONE: 3 }, run.deletedSecret),
        overDeletion({ names: 2, writes: 2 * 3 + 1 + 2 }),
        overDeletion({ names: 2, keyed: 2, writes: 2 * 4 + 1 + 2 }),
      ],
      'encrypt-env of next versions': [run.encryptNext, ...fileCosts({ next: 2 })],
    },
  },
  'submit-env': {
    scopes: ['secrets:read', 'secrets:write'],
    grants: [
      ...onTable('GetItem', 'PutItem', 'ConditionCheckItem'),
      ...onKey('GenerateDataKey', 'Decrypt'),
    ],
    keyCallsMax: limits.fileNamesMax,
    asks: { 'submit-env': (name) => onFile('', file(name)) },
    sends: {
      'submit-env of a new name': sends.env('', { fresh: 1, old: 1 }),
      'submit-env, keyed': sends.env('', { fresh: 2, old: 2, keyed: true }),
      'submit-env with pins': sends.env('', { fresh: 1, old: 1, pinned: true }),
      'submit-env over a deletion': sends.env('', { gone: 1, old: 1, keyed: true }),
      'submit-env of next versions': sends.env('', { next: 2, old: 1 }),
      'submit-env to try': sends.env('', { fresh: 1, old: 1, more: { dryRun: true } }),
    },
    logs: ({ old }) => [[{ code: 'secret_exists' }, onFile('', creating(old))]],
    examples: [],
    runs: {
      'submit-env': [run.submit, ...fileCosts({ created: 3, read: 2 })],
    },
  },
  'destroy-version': {
    scopes: ['secrets:destroy'],
    grants: onTable('GetItem', 'PutItem'),
    keyCallsMax: 0,
    asks: {
      'destroy-version': of('DELETE', '/versions/1'),
      'destroy-version of the second': of('DELETE', '/versions/2'),
    },
    sends: { 'destroy-version of the current one': sends.old(of('DELETE', '/versions/3')) },
    logs: ({ old }) => [
      [{ secret: old, version: 2 }, of('DELETE', '/versions/2')(old)],
      [{ code: 'version_current', secret: old, version: 3 }, of('DELETE', '/versions/3')(old)],
    ],
    examples: [{ after: updated }],
    runs: {
      'destroy-version': [
        run.destroy,
        calls({ reads: 2, writes: 1 }, 'GetItem', 'GetItem', 'PutItem'),
      ],
    },
  },
  'get-secret': {
    scopes: ['secrets:read'],
    grants: [...onTable('GetItem'), ...onKey('Decrypt')],
    keyCallsMax: 1,
    asks: {
      'get-secret': of('GET'),
      'get-secret by HEAD': of('HEAD'),
      'get-secret with If-None-Match': of('GET', '', { headers: { 'If-None-Match': '*' } }),
      'get-secret of a version': of('GET', '?version=1'),
      'get-secret at an instant': (name, _, at) => of('GET', `?at=${at}`)(name),
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
      { after: updated, named: 'current' },
      { after: updated, query: '?version=1', named: 'superseded' },
    ],
    runs: {
      'get-secret': [run.get('latest'), itemReads(1, 'Decrypt')],
      'get-secret, unchanged': [run.getKnown, itemReads(1)],
      'get-secret by version': [run.get({ version: 2 }), itemReads(3, 'Decrypt')],
      // Version 2 of 4 takes the head and two steps of the binary search.
      'get-secret at an instant': [run.get({ at: run.began + 1_500 }), getAtCost(4)],
    },
  },
  'explain-secret': {
    scopes: ['secrets:explain'],
    grants: [...onTable('GetItem'), ...onKey('DescribeKey')],
    keyCallsMax: 0,
    asks: { 'explain-secret': of('GET', '/explain') },
    missing: 200,
    logs: ({ gone, missing }) => [
      [{ secret: gone, version: 2 }, of('GET', '/explain')(gone)],
      [{ secret: missing }, of('GET', '/explain')(missing)],
    ],
    examples: [
      {
        after: updated,
        claims: { scope: 'secrets:read secrets:delete secrets:explain' },
        named: 'stored',
      },
    ],
    runs: {
      'explain-secret': [
        // The answer leaves out the state of the master key, which may change at any time.
        run.reading(async (ports, context, principal) => {
          const told = await vaultOver(ports).explain(principal, 'OLD_P', {}, { context });
          return run.telling([told.head?.version, told.readCost, told.caller]);
        }),
        // It reads the head, which costs as much as a read of the secret.
        itemReads(1, 'DescribeKey'),
      ],
    },
  },
  'list-versions': {
    scopes: ['secrets:list'],
    grants: [...onTable('GetItem', 'Query'), ...onKey('Decrypt')],
    keyCallsMax: limits.valuesPageMax,
    asks: {
      'list-versions': of('GET', '/versions'),
      'list-versions by HEAD': of('HEAD', '/versions'),
      'list-versions with values': of('GET', '/versions?include=values'),
    },
    logs: ({ gone, missing }) => [
      [{ secret: gone }, of('GET', '/versions')(gone)],
      [{ code: 'not_found', secret: missing }, of('GET', '/versions')(missing)],
    ],
    examples: [
      { after: updated, named: 'intervals' },
      { after: [...updated, 'delete-secret', ...created, 'destroy-version'], named: 'life' },
    ],
    runs: {
      'list-versions': [
        run.listVersions,
        // The three versions below the head are small enough for one unit together.
        calls({ reads: 1 + 1 }, 'GetItem', 'Query', ...Array(4).fill('Decrypt')),
      ],
    },
  },
  'list-secrets': {
    ...general,
    scopes: ['secrets:list'],
    grants: ['dynamodb:Query SecretsTable/index/byTenant', ...onTable('BatchGetItem')],
    sends: {
      'list-secrets': sends.old(() => list('?limit=1')),
      'list-secrets with details': sends.old((name) => list(`?prefix=${name}&include=details`)),
    },
    logs: () => [[{}, list('')]],
    examples: [
      { after: updated, query: '?prefix=DB_', named: 'names' },
      { after: updated, query: '?prefix=DB_PASSWORD&include=details', named: 'details' },
    ],
    // Half a unit is the smallest cost of a query. The few names here do not exceed it.
    runs: {
      'list-secrets': [run.list({}), calls({ reads: 0.5 }, 'Query')],
      'list-secrets with details': [
        run.list({ includeDetails: true }),
        calls({ reads: 0.5 + 2 }, 'BatchGetItem', 'Query'),
      ],
      'list-secrets, deleted': [
        run.list({ state: 'deleted', includeDetails: true }, run.oldAndDeleted),
        calls({ reads: 0.5 + 1 }, 'BatchGetItem', 'Query'),
      ],
    },
  },
  'expand-env': {
    scopes: ['secrets:read'],
    grants: [...onTable('GetItem'), ...onKey('Decrypt')],
    keyCallsMax: limits.fileNamesMax,
    asks: {
      'expand-env': (name) => onFile('/expand', file(name)),
      'expand-env with a pin': (name) => onFile('/expand', file(`${name}@1`)),
      'expand-env with unless': (name) =>
        onFile('/expand', { ...file(name), unless: 'a'.repeat(43) }),
    },
    sends: {
      'expand-env of two names': sends.env('/expand', { old: 2 }),
      'expand-env, unchanged': sends.unchanged,
    },
    logs: ({ old }) => [
      [{}, onFile('/expand', file(old))],
      [{ code: 'invalid_env' }, onFile('/expand', { content: 'A' })],
    ],
    examples: [
      { after: created, named: 'current' },
      { after: created, named: 'pin' },
      { after: updated, named: 'pinned' },
    ],
    runs: {
      'expand-env': [run.expand(), envCost({ read: 2 })],
      'expand-env, unchanged': [run.expandUnchanged, calls({ reads: 2 * 2 }, 'TransactGetItems')],
      'expand-env with pins': [
        run.expand('R=secret(OLD_P@1)\n'),
        envCost({ read: 2, superseded: 1 }),
      ],
    },
  },
  whoami: {
    ...general,
    scopes: [],
    grants: [],
    sends: { whoami: sends.old(() => ['GET', '/v1/whoami']) },
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
  },
  'get-status': {
    ...general,
    scopes: [],
    grants: [...onTable('DescribeTable'), ...onKey('DescribeKey')],
    sends: { 'get-status': sends.old(() => ['GET', '/v1/status']) },
    logs: () => [[{}, ['GET', '/v1/status']]],
    examples: [{ named: 'ok' }],
  },
  'get-health': {
    ...general,
    scopes: undefined,
    grants: [],
    sends: { 'get-health': sends.old(() => ['GET', '/health']) },
    logs: () => [[{}, ['GET', '/health']]],
    examples: [{}],
  },
};

const operations = Object.values(perRoute).flatMap(({ runs }) =>
  Object.entries(runs).map(
    ([name, [scene, cost, keyed]]): run.Operation => ({ name, ...scene, cost, keyed }),
  ),
);
export const writers = operations.filter(({ writes }) => writes.length > 0);
export const keyedWriters = writers.filter((operation) => operation.keyed !== undefined);
export const readers = operations.filter(({ writes }) => writes.length === 0);

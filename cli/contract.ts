/**
 * The HTTP contract as `dsvault` uses it: routes, bodies and replies. test/e2e/cli/contract.test.ts compares each of
 * them with docs/openapi.yaml, property by property.
 */
import * as v from 'valibot';

const encoding = v.picklist(['utf8', 'base64']);
const note = v.optional(v.string());
const versionOfName = v.object({ name: v.string(), version: v.number() });
const fileError = v.object({
  line: v.number(),
  column: v.number(),
  code: v.string(),
  name: v.optional(v.string()),
  key: v.optional(v.string()),
  dialect: v.optional(v.string()),
  reason: v.optional(v.string()),
  causeLine: v.optional(v.number()),
});

/** A problem document (RFC 9457). It keeps properties that `dsvault` does not use, because `--json` prints them. */
export const problem = v.looseObject({
  code: v.string(),
  detail: v.string(),
  status: v.optional(v.number()),
  requestId: v.optional(v.string()),
  retryable: v.optional(v.boolean()),
  field: v.optional(v.string()),
  scope: v.optional(v.string()),
  limit: v.optional(v.number()),
  currentVersion: v.optional(v.number()),
  errors: v.optional(v.array(fileError)),
  errorsTotal: v.optional(v.number()),
});
export type Problem = v.InferOutput<typeof problem>;
export type FileError = v.InferOutput<typeof fileError>;

const written = v.object({ name: v.string(), version: v.number(), validFrom: v.string() });
const secretVersion = v.object({
  name: v.string(),
  version: v.number(),
  value: v.string(),
  encoding,
  validFrom: v.string(),
  validTo: v.nullable(v.string()),
  note,
});
const versionEntry = v.object({
  version: v.number(),
  state: v.picklist(['stored', 'deleted', 'destroyed']),
  validFrom: v.string(),
  validTo: v.nullable(v.string()),
  createdBy: v.string(),
  note,
  masterKeyId: v.optional(v.string()),
  destroyedAt: v.optional(v.string()),
  destroyedBy: v.optional(v.string()),
  value: v.optional(v.string()),
  encoding: v.optional(encoding),
});
const destroyedVersion = v.object({
  name: v.string(),
  version: v.number(),
  destroyedAt: v.string(),
  destroyedBy: v.string(),
});
const secretDetails = v.object({
  name: v.string(),
  state: v.picklist(['stored', 'deleted']),
  version: v.number(),
  validFrom: v.string(),
  createdBy: v.string(),
  note,
});
const nextCursor = v.nullable(v.string());
const versionPage = v.object({ name: v.string(), versions: v.array(versionEntry), nextCursor });
const namePage = v.object({
  names: v.array(v.string()),
  secrets: v.optional(v.array(secretDetails)),
  nextCursor,
});
const envReplyEntries = {
  content: v.string(),
  created: v.array(versionOfName),
  resolved: v.array(versionOfName),
  warnings: v.array(v.object({ line: v.number(), code: v.string() })),
};
const envReply = v.object(envReplyEntries);
const expandReply = v.union([
  v.object({ ...envReplyEntries, tag: v.string(), pinned: v.optional(v.string()) }),
  v.object({ unchanged: v.literal(true), tag: v.string() }),
]);
const digest = v.object({ revision: v.number(), compactRevision: v.number(), hash: v.string() });
const space = v.object({
  dbBytes: v.number(),
  dbBytesInUse: v.number(),
  quotaBytes: v.number(),
  diskFreeBytes: v.number(),
});
const nodeStatus = v.object({
  node: v.number(),
  alive: v.boolean(),
  state: v.string(),
  reason: v.nullable(v.string()),
  leader: v.boolean(),
  appliedRevision: v.number(),
  lag: v.number(),
  digest: v.nullable(digest),
  comparedAt: v.nullable(v.string()),
  etcd: v.nullable(v.string()),
  space: v.nullable(space),
  start: v.number(),
});
const clusterStatus = v.object({
  node: v.number(),
  nodes: v.array(nodeStatus),
  equal: v.boolean(),
});
const policyStatus = v.object({
  source: v.picklist(['file', 'bundle', 'variables']),
  digest: v.nullable(v.string()),
  since: v.string(),
  fault: v.nullable(v.string()),
});
const status = v.object({
  status: v.picklist(['ok', 'degraded']),
  store: v.object({ reachable: v.boolean(), latencyMs: v.number() }),
  masterKey: v.object({ reachable: v.boolean(), id: v.nullable(v.string()) }),
  policy: v.optional(policyStatus),
  node: v.optional(clusterStatus),
});
const caller = v.object({
  issuer: v.string(),
  rule: v.nullable(v.number()),
  tenant: v.string(),
  subject: v.string(),
  scopes: v.array(v.string()),
  names: v.array(v.string()),
  expires: v.string(),
});
const access = v.object({ allowed: v.boolean(), why: v.string() });
const explanation = v.object({
  name: v.string(),
  exists: v.boolean(),
  deleted: v.boolean(),
  current: v.nullable(
    v.object({
      version: v.number(),
      validFrom: v.string(),
      createdBy: v.string(),
      note,
      masterKeyId: v.optional(v.string()),
    }),
  ),
  masterKey: v.object({
    state: v.picklist(['usable', 'unusable', 'unreachable']),
    id: v.nullable(v.string()),
    sealedCurrent: v.nullable(v.boolean()),
  }),
  readCost: v.object({ storeCalls: v.number(), kmsCalls: v.number(), units: v.number() }),
  caller: v.object({
    scopes: v.array(v.string()),
    names: v.array(v.string()),
    pattern: v.nullable(v.string()),
    read: access,
    update: access,
    delete: access,
  }),
});

const newVersion = { value: v.string(), encoding: v.optional(encoding), note };
const envFile = {
  content: v.string(),
  values: v.optional(v.record(v.string(), v.string())),
  dialect: v.optional(v.string()),
  dryRun: v.optional(v.boolean()),
};
const noBody = v.undefined();
const createRequest = v.object({ name: v.string(), ...newVersion });
const updateRequest = v.object(newVersion);
const deleteRequest = v.object({ note });
const envRequest = v.object({ ...envFile, note });
const expandRequest = v.object({
  ...envFile,
  at: v.optional(v.string()),
  pin: v.optional(v.boolean()),
  unless: v.optional(v.string()),
});

/** All operations by `operationId`. `keyed`: takes an `Idempotency-Key`. `answers`: statuses whose body is a reply. */
export const operations = {
  'create-secret': {
    method: 'POST',
    path: '/v1/secrets',
    query: [],
    keyed: true,
    answers: [201],
    body: createRequest,
    reply: written,
  },
  'update-secret': {
    method: 'PUT',
    path: '/v1/secrets/{name}',
    query: [],
    keyed: true,
    answers: [200],
    body: updateRequest,
    reply: written,
  },
  'get-secret': {
    method: 'GET',
    path: '/v1/secrets/{name}',
    query: ['version', 'at'],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: secretVersion,
  },
  'delete-secret': {
    method: 'DELETE',
    path: '/v1/secrets/{name}',
    query: [],
    keyed: true,
    answers: [200],
    body: deleteRequest,
    reply: written,
  },
  'list-versions': {
    method: 'GET',
    path: '/v1/secrets/{name}/versions',
    query: ['limit', 'cursor', 'order', 'include'],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: versionPage,
  },
  'destroy-version': {
    method: 'DELETE',
    path: '/v1/secrets/{name}/versions/{version}',
    query: [],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: destroyedVersion,
  },
  'list-secrets': {
    method: 'GET',
    path: '/v1/secrets',
    query: ['prefix', 'limit', 'cursor', 'state', 'include'],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: namePage,
  },
  'explain-secret': {
    method: 'GET',
    path: '/v1/secrets/{name}/explain',
    query: ['scopes', 'names'],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: explanation,
  },
  'submit-env': {
    method: 'POST',
    path: '/v1/env',
    query: [],
    keyed: true,
    answers: [200],
    body: envRequest,
    reply: envReply,
  },
  'encrypt-env': {
    method: 'POST',
    path: '/v1/env/encrypt',
    query: [],
    keyed: true,
    answers: [200],
    body: envRequest,
    reply: envReply,
  },
  'expand-env': {
    method: 'POST',
    path: '/v1/env/expand',
    query: [],
    keyed: false,
    answers: [200],
    body: expandRequest,
    reply: expandReply,
  },
  whoami: {
    method: 'GET',
    path: '/v1/whoami',
    query: [],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: caller,
  },
  'get-status': {
    method: 'GET',
    path: '/v1/status',
    query: [],
    keyed: false,
    answers: [200, 503],
    body: noBody,
    reply: status,
  },
  'get-health': {
    method: 'GET',
    path: '/health',
    query: [],
    keyed: false,
    answers: [200],
    body: noBody,
    reply: v.object({ status: v.literal('ok') }),
  },
} as const;

export type OperationId = keyof typeof operations;
export type BodyOf<Id extends OperationId> = v.InferOutput<(typeof operations)[Id]['body']>;
export type ReplyOf<Id extends OperationId> = v.InferOutput<(typeof operations)[Id]['reply']>;
export type QueryOf<Id extends OperationId> = {
  readonly [Name in (typeof operations)[Id]['query'][number]]?: string | undefined;
};

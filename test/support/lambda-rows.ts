/**
 * The events of test/contract/lambda-vector.test.ts, as API Gateway passes them, and the faults
 * that the store and KMS have meanwhile. All of them share one store, so their order matters.
 */
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { faultReply, type Reply } from './adversary/wire.ts';
import { ed25519, keySet, publicJwk, signToken } from './issuer.ts';

type Event = APIGatewayProxyEvent;
type Texts = Readonly<Record<string, string>>;
type Lists = Readonly<Record<string, readonly string[]>>;

/** The first calls to a service get this reply, each after some time. All later calls succeed. */
export type Fault = {
  /** A service, or one of its calls such as `PutItem`. */
  readonly of: string;
  readonly reply: Reply | 'broken';
  readonly calls?: number;
  readonly takesMs?: number;
};
export type Row = readonly [route: string, title: string, parts?: Partial<Event>, fault?: Fault];

/** When the first event is played. Each of the others is played 10 s after the one before. */
export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const key = ed25519();
/** The key set of the issuer of all tokens. */
export const issuerKeys = keySet(publicJwk(key));
const tokenOf = (claims: object, signer = key): string =>
  signToken(
    { alg: 'EdDSA' },
    {
      iss: 'urn:vault:test',
      aud: 'vault',
      exp: Math.floor(startMs / 1_000) + 3_600,
      tenant: 'acme',
      sub: 'alice',
      scope:
        'secrets:read secrets:write secrets:delete secrets:destroy secrets:explain vault:status',
      ...claims,
    },
    signer,
  );
const alice = `Bearer ${tokenOf({})}`;
const bob = `Bearer ${tokenOf({ sub: 'bob', names: ['APP_*'] })}`;
const lister = `Bearer ${tokenOf({ scope: 'secrets:list' })}`;
const writer = `Bearer ${tokenOf({ scope: 'secrets:write' })}`;

const listsOf = (texts: Texts): Record<string, string[]> =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [text]]));

/** These headers in both forms, with Alice's token unless another one is given. */
const carries = (headers: Texts): Partial<Event> => {
  const all = { Authorization: alice, ...headers };
  return { headers: all, multiValueHeaders: listsOf(all) };
};
/** These headers only in the form with one value of each, and only in the form with lists. */
const single = (headers: Texts) => ({ headers, multiValueHeaders: null }) as unknown as Event;
const listed = (multiValueHeaders: Lists) =>
  ({ headers: null, multiValueHeaders }) as unknown as Event;
const withoutContext = { requestContext: undefined } as unknown as Event;
const asks = (query: Texts): Partial<Event> => ({
  queryStringParameters: query,
  multiValueQueryStringParameters: listsOf(query),
});
const sends = (body: string | Buffer | object, headers: Texts = {}): Partial<Event> => {
  const isText = typeof body === 'string' || Buffer.isBuffer(body);
  return {
    ...carries({ 'Content-Type': 'application/json', ...headers }),
    body: Buffer.from(isText ? body : JSON.stringify(body)).toString('base64'),
  };
};
/** A body that the gateway passes as text. */
const says = (body: string): Partial<Event> => ({ ...sends(''), body, isBase64Encoded: false });
const sendsText = (content: string, headers: Texts = {}) =>
  sends(content, { 'Content-Type': 'text/plain', ...headers });
const named = (name: string, version?: string): Partial<Event> => ({
  path: `/v1/secrets/${name}`,
  pathParameters: { name, ...(version !== undefined && { version }) },
});

const storeBreaks: Fault = { of: 'store', reply: 'broken' };
const storeRefuses = (type: string, more: Partial<Fault> = {}): Fault => ({
  of: 'store',
  reply: faultReply(400, type),
  ...more,
});
const kmsRefuses = (type: string, more: Partial<Fault> = {}): Fault => ({
  of: 'kms',
  reply: faultReply(type === 'KMSInternalException' ? 500 : 400, type),
  ...more,
});
const otherDataKey: Fault = {
  of: 'kms',
  reply: { status: 200, body: JSON.stringify({ Plaintext: Buffer.alloc(32).toString('base64') }) },
};
const replicated: Fault = {
  of: 'store',
  reply: { status: 200, body: JSON.stringify({ Table: { Replicas: [{ RegionName: 'x' }] } }) },
};

const health = 'GET /health';
const whoami = 'GET /v1/whoami';
const status = 'GET /v1/status';
const create = 'POST /v1/secrets';
const get = 'GET /v1/secrets/{name}';
const update = 'PUT /v1/secrets/{name}';
const remove = 'DELETE /v1/secrets/{name}';
const copy = 'POST /v1/secrets/{name}/copies';
const destroy = 'DELETE /v1/secrets/{name}/versions/{version}';
const history = 'GET /v1/secrets/{name}/versions';
const list = 'GET /v1/secrets';
const explain = 'GET /v1/secrets/{name}/explain';
const submit = 'POST /v1/env';
const encrypt = 'POST /v1/env/encrypt';
const expand = 'POST /v1/env/expand';

/** The tag of the pinned file below, as the recording has it. */
const lastTag = 'grpJTdQu6H-ldlBtni5VnbCwbpgR1nWMLi3j2tj6Bfw';
const small = { name: 'X', value: 'x' };
const keyed = (number: number) => ({ 'Idempotency-Key': `idempotency-key-${number}` });
const protoHeader = { ['__proto__']: 'x' };

/**
 * The events, in the order in which they are played. Path parameters are those of the secret
 * API_KEY unless the row gives others.
 */
export const rows: readonly Row[] = [
  [health, 'a check'],
  [health, 'a check for readiness', asks({ ready: '' })],
  [health, 'an event without headers and context', { ...listed({}), ...withoutContext }],
  ['HEAD /health', 'a check without a body'],

  [whoami, 'headers in both forms'],
  ['HEAD /v1/whoami', 'a request without a body'],
  [whoami, 'headers only in the single form', single({ authorization: alice })],
  [whoami, 'headers only in the listed form', listed({ authorization: [alice] })],
  [
    whoami,
    'two spellings of a header, one in each form',
    { headers: { authorization: bob }, multiValueHeaders: { AUTHORIZATION: [alice] } },
  ],
  [
    whoami,
    'a token only in the single form beside other listed headers',
    { headers: { authorization: bob }, multiValueHeaders: { accept: ['*/*'] } },
  ],
  [
    whoami,
    'two spellings of a listed header',
    listed({ Authorization: [alice], AUTHORIZATION: [alice] }),
  ],
  [whoami, 'a repeated header', listed({ Authorization: [alice, alice] })],
  [whoami, 'a header named __proto__', carries(protoHeader)],
  [
    whoami,
    'a listed __proto__ and a single token',
    { headers: { Authorization: alice }, multiValueHeaders: listsOf(protoHeader) },
  ],
  [whoami, 'an event without a context', withoutContext],
  [whoami, 'no token', listed({})],
  [whoami, 'another scheme', carries({ Authorization: 'Basic YTpi' })],
  [whoami, 'a malformed token', carries({ Authorization: 'Bearer a.b' })],
  [
    whoami,
    'an expired token',
    carries({ Authorization: `Bearer ${tokenOf({ exp: Math.floor(startMs / 1_000) })}` }),
  ],
  [whoami, 'an unknown parameter', asks({ x: '1' })],
  [whoami, 'a parameter named __proto__', asks(protoHeader)],

  [create, 'a first version', sends({ name: 'API_KEY', value: 'first value' })],
  [create, 'a name that exists', sends({ name: 'API_KEY', value: 'other value' })],
  [
    create,
    'a path with a slash at its end',
    { ...sends({ name: 'DB_PASSWORD', value: 'p' }), path: '/v1/secrets/' },
  ],
  [
    create,
    'a base64 value, a note and an idempotency key',
    sends({ name: 'APP_BYTES', value: '/wA=', encoding: 'base64', note: 'two bytes' }, keyed(1)),
  ],
  [
    create,
    'the same request again',
    sends({ name: 'APP_BYTES', value: '/wA=', encoding: 'base64', note: 'two bytes' }, keyed(1)),
  ],
  [
    create,
    'the idempotency key of another request',
    sends({ name: 'APP_BYTES', value: 'x' }, keyed(1)),
  ],
  [
    create,
    'a repeated idempotency key',
    {
      ...sends(small),
      multiValueHeaders: {
        Authorization: [alice],
        'content-type': ['application/json'],
        'Idempotency-Key': ['idempotency-key-1', 'idempotency-key-1'],
      },
    },
  ],
  [create, 'a body as text', says('{"name":"TEXT","value":"grüße"}')],
  [
    create,
    'a body as text with half of a surrogate pair',
    says('{"name":"HALF","value":"\ud800"}'),
  ],
  [create, 'a body that is not UTF-8', sends(Buffer.from('{"name":"X","value":"\xff"}', 'latin1'))],
  [create, 'a body that is not base64', { ...sends(''), body: '{"name":"X"}' }],
  [create, 'no body', { ...sends(''), body: null }],
  [create, 'an empty body', sends('')],
  [create, 'a malformed name', sends({ name: '1 X', value: 'x' })],
  [create, 'a body that is too large', sends(`{"name":"X","value":"${'x'.repeat(1_048_576)}"}`)],
  [create, 'another media type', sends('name=X', { 'Content-Type': 'text/plain' })],
  [create, 'a compressed body', sends(small, { 'Content-Encoding': 'gzip' })],
  [create, 'a token without the scope', sends(small, { Authorization: lister })],
  [create, 'a token that does not cover the name', sends(small, { Authorization: bob })],
  [create, 'a parameter', { ...sends(small), ...asks({ x: '1' }) }],
  [create, 'a disabled master key', sends(small), kmsRefuses('DisabledException')],
  [
    create,
    'a store that refuses the function',
    sends(small),
    storeRefuses('AccessDeniedException'),
  ],
  [create, 'a store that is down', sends(small), storeBreaks],
  [
    create,
    'a store that breaks off each write, with an idempotency key',
    sends(small, keyed(2)),
    { of: 'TransactWriteItems', reply: 'broken' },
  ],

  [update, 'a second version', sends({ value: 'second value', note: 'rotated' })],
  [update, 'the version that is current', sends({ value: 'third value' }, { 'If-Match': '"2"' })],
  [update, 'a version that is not current', sends({ value: 'x' }, { 'If-Match': 'W/"3", "2"' })],
  [update, 'a malformed If-Match', sends({ value: 'x' }, { 'If-Match': '3' })],
  [update, 'a name that does not exist', { ...sends({ value: 'x' }), ...named('NONE') }],
  [update, 'no path parameters', { ...sends({ value: 'x' }), pathParameters: null }],
  [
    update,
    'an idempotency key',
    { ...sends({ value: 'second p' }, keyed(3)), ...named('DB_PASSWORD') },
  ],
  [
    update,
    'the same request again',
    { ...sends({ value: 'second p' }, keyed(3)), ...named('DB_PASSWORD') },
  ],
  [
    update,
    'a store that throttles one call',
    sends({ value: 'fourth value' }),
    storeRefuses('ThrottlingException', { calls: 1 }),
  ],
  [
    update,
    'a store that throttles for eight seconds',
    sends({ value: 'x' }),
    storeRefuses('ThrottlingException', { takesMs: 2_000 }),
  ],

  [copy, 'an earlier version', sends({ from: { version: 1 } })],
  [
    copy,
    'a version of another secret',
    sends({ from: { name: 'APP_BYTES' }, note: 'copied' }, { 'If-Match': '"5"' }),
  ],
  [
    copy,
    'a new name',
    { ...sends({ from: { name: 'API_KEY', version: 2 }, create: true }), ...named('APP_COPY') },
  ],
  [copy, 'a source that does not exist', sends({ from: { name: 'NONE' } })],
  [
    copy,
    'a token that may not read',
    sends({ from: { name: 'APP_BYTES' } }, { Authorization: writer }),
  ],

  [get, 'the current value'],
  ['HEAD /v1/secrets/{name}', 'the current value without a body'],
  [get, 'a value that is not text', named('APP_BYTES')],
  [get, 'a version by number', asks({ version: '2' })],
  [get, 'a parameter only in the single form', { queryStringParameters: { version: '1' } }],
  [get, 'an instant', asks({ at: new Date(startMs + 530_000).toISOString() })],
  [
    get,
    'a repeated parameter',
    {
      queryStringParameters: { version: '1' },
      multiValueQueryStringParameters: { version: ['2', '1'] },
    },
  ],
  [get, 'an unknown parameter', asks({ v: '1' })],
  [get, 'the tag of the current version', carries({ 'If-None-Match': '"1", W/"6"' })],
  [
    get,
    'the tag of another version in two headers',
    listed({ authorization: [alice], 'if-none-match': ['"1"', '"2"'] }),
  ],
  [get, 'a name that does not exist', named('NONE')],
  [get, 'a malformed name', named('1%20X')],
  [get, 'no path parameters', { pathParameters: null }],
  [get, 'a token that does not cover the name', carries({ Authorization: bob })],
  [get, 'a store that is down', {}, storeBreaks],
  [get, 'a master key that gives another data key', {}, otherDataKey],
  ...[
    ...['IncorrectKeyException', 'InvalidCiphertextException', 'DisabledException'],
    ...['KMSInvalidStateException', 'NotFoundException', 'AccessDeniedException'],
    ...['InvalidKeyUsageException', 'UnrecognizedClientException', 'InvalidSignatureException'],
    'KMSInternalException',
  ].map((type): Row => [get, `${type} of the master key`, {}, kmsRefuses(type)]),
  ...['ThrottlingException', 'LimitExceededException'].map(
    (type): Row => [get, `one ${type} of the master key`, {}, kmsRefuses(type, { calls: 1 })],
  ),
  [get, 'a master key that is out of reach', {}, { of: 'kms', reply: 'broken' }],

  [history, 'all versions', named('APP_COPY')],
  [history, 'a page in ascending order', asks({ order: 'asc', limit: '2', cursor: 'Mg' })],
  [history, 'a page with a value', asks({ include: 'values', limit: '1' })],
  [history, 'a token without the scope', carries({ Authorization: writer })],

  [destroy, 'an earlier version', named('API_KEY', '1')],
  [destroy, 'a version that is destroyed', named('API_KEY', '1')],
  [destroy, 'the current version', named('API_KEY', '6')],
  [destroy, 'a version that does not exist', named('API_KEY', '7')],
  [destroy, 'a malformed version', named('API_KEY', '01')],
  [get, 'a destroyed version', asks({ version: '1' })],

  [remove, 'a note', { ...sends({ note: 'unused' }, { 'If-Match': '*' }), ...named('TEXT') }],
  [remove, 'no body and no media type', named('HALF')],
  [remove, 'a deleted secret', named('TEXT')],
  [remove, 'a body of another media type', { ...sends('x', { 'Content-Type': 'text/plain' }) }],
  [get, 'a deleted secret', named('TEXT')],
  [create, 'a deleted name', sends({ name: 'TEXT', value: 'again' })],

  [list, 'all names'],
  [list, 'names with a prefix and details', asks({ prefix: 'APP_', include: 'details' })],
  [list, 'a page of deleted names', asks({ state: 'deleted', limit: '1' })],
  [list, 'a token for some names', carries({ Authorization: bob })],

  [explain, 'the caller'],
  [explain, 'another caller', asks({ scopes: 'secrets:list', names: 'DB_*,X' })],
  [
    explain,
    'a name that does not exist, while the master key is disabled',
    named('NONE'),
    kmsRefuses('DisabledException'),
  ],

  [encrypt, 'a file as text', sendsText('ENV_A=first a\nA=enc(ENV_A)\nB="x secret(API_KEY)"\n')],
  [
    encrypt,
    'a new version, if another is current',
    sends({
      content: 'A=enc(ENV_A@next)\n',
      values: { ENV_A: 'a2' },
      ifVersions: { ENV_A: 1 },
      note: 'n',
    }),
  ],
  [
    encrypt,
    'a version that is not current',
    sends({ content: 'A=enc(ENV_A@next)\n', values: { ENV_A: 'a3' }, ifVersions: { ENV_A: 1 } }),
  ],
  [
    encrypt,
    'a dry run',
    {
      ...sendsText('ENV_DRY=dry\nA=enc(ENV_DRY)\n'),
      ...asks({ dryRun: 'true', dialect: 'docker' }),
    },
  ],
  [encrypt, 'a file with errors', sends({ content: 'A=enc()\nA=1\nB' })],

  [
    submit,
    'a file as JSON',
    sends(
      { content: 'A=enc(ENV_B)\nB=secret(DB_PASSWORD)\n', values: { ENV_B: 'b-value-1' } },
      keyed(4),
    ),
  ],
  [
    submit,
    'the same request again',
    sends(
      { content: 'A=enc(ENV_B)\nB=secret(DB_PASSWORD)\n', values: { ENV_B: 'b-value-1' } },
      keyed(4),
    ),
  ],
  [submit, 'a name that exists', sends({ content: 'A=enc(ENV_B)\n', values: { ENV_B: 'x' } })],
  [
    submit,
    'a file as JSON, answered as text',
    sends({ content: 'A=enc(ENV_C)\n', values: { ENV_C: 'c' } }, { Accept: 'text/plain' }),
  ],
  [submit, 'a file as text', sendsText('ENV_D=the d\nexport A=enc(ENV_D)\n')],

  [expand, 'a file as text', sendsText('A=secret(ENV_B)\nB=plain\n')],
  [expand, 'a pinned file', sends({ content: 'A=secret(ENV_A)\n', pin: true })],
  [
    expand,
    'the tag of the last answer',
    sends({ content: 'A=secret(ENV_A)\n', pin: true, unless: lastTag }),
  ],
  [
    expand,
    'an instant',
    {
      ...sendsText('A=secret(API_KEY)\n'),
      ...asks({ at: new Date(startMs + 530_000).toISOString() }),
    },
  ],
  [expand, 'names that do not exist', sends({ content: 'A=secret(NONE)\nB=secret(NONE_2)\n' })],
  [expand, 'JSON with a parameter', { ...sends({ content: '' }), ...asks({ dialect: 'shell' }) }],

  [status, 'an operator'],
  [status, 'a caller', carries({ Authorization: lister })],
  [status, 'a disabled master key', {}, kmsRefuses('DisabledException')],
  [status, 'a store that is down', {}, storeBreaks],
  [status, 'a table with replicas', {}, replicated],

  // The digest in the function's next line would cover the stack frames, so this is its last event.
  [list, 'an internal error', {}, storeRefuses('ValidationException')],
];

export const titleOf = ([route, title]: Row): string => `${route}: ${title}`;

export const eventOf = ([route, , parts]: Row): Event => {
  const [httpMethod = '', resource = ''] = route.split(' ');
  const isNamed = resource.includes('{name}');
  return {
    resource,
    httpMethod,
    path: resource.replace('{name}', 'API_KEY').replace('{version}', '1'),
    headers: {},
    multiValueHeaders: {},
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: isNamed ? { name: 'API_KEY' } : null,
    stageVariables: null,
    body: null,
    isBase64Encoded: true,
    requestContext: { requestId: 'id-of-gateway' } as Event['requestContext'],
    ...carries({}),
    ...parts,
  };
};

/** Everything that a hostile page tries at a port, whatever service listens there. */

export type Attempt = {
  readonly name: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * `no-cors`: the browser sends the request without a preflight, and no page can read the reply.
   */
  readonly mode?: 'cors' | 'no-cors';
  /** Opens a WebSocket instead of sending a request. Browsers send no preflight for it. */
  readonly socket?: true;
};

/**
 * Returns the headers of a signed request. DynamoDB and KMS require a signature, which the services
 * that replace them in tests do not verify.
 */
const signed = (service: string) => ({
  'X-Amz-Date': '20260101T000000Z',
  Authorization:
    `AWS4-HMAC-SHA256 Credential=page/20260101/us-east-1/${service}/aws4_request, ` +
    'SignedHeaders=host, Signature=0',
});

const dynamodb = (operation: string, body: object): Attempt => ({
  name: operation,
  path: '/',
  method: 'POST',
  headers: {
    'Content-Type': 'application/x-amz-json-1.0',
    'X-Amz-Target': `DynamoDB_20120810.${operation}`,
    ...signed('dynamodb'),
  },
  body: JSON.stringify(body),
});

const kms = (operation: string, body: object): Attempt => ({
  name: operation,
  path: '/',
  method: 'POST',
  headers: {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': `TrentService.${operation}`,
    ...signed('kms'),
  },
  body: JSON.stringify(body),
});

/**
 * Makes an attempt that posts text. A POST of text needs no preflight. So it takes effect unless
 * the server itself refuses it.
 */
const text = (path: string, body: object): Attempt => ({
  name: `text to ${path}`,
  path,
  method: 'POST',
  headers: { 'Content-Type': 'text/plain' },
  body: JSON.stringify(body),
});

/** The key of the DynamoDB item that the page tries to write. */
const pageKey = 'written by a page';

const get = (path: string): Attempt => ({ name: `GET ${path}`, path });

/**
 * Returns all attempts. `token` is a token for the vault, which the page has. The page has no
 * credentials for KMS or DynamoDB.
 */
export const attemptsOf = (token: string): readonly Attempt[] => {
  const bearer = { Authorization: `Bearer ${token}` };
  const secret = JSON.stringify({ name: 'BY_A_PAGE', value: 'x' });
  const json = { 'Content-Type': 'application/json' };
  const key = { pk: { S: pageKey }, sk: { S: 'x' } };
  return [
    ...['/', '/health', '/status', '/version', '/metrics', '/members'].map(get),
    { name: 'GET without cors', path: '/', mode: 'no-cors' },
    { name: 'POST without cors', path: '/', method: 'POST', mode: 'no-cors', body: '{}' },
    { name: 'DELETE', path: '/v1/secrets/KEPT', method: 'DELETE' },
    { ...text('/', {}), name: 'text' },
    text('/v1/secrets', { name: 'BY_A_PAGE', value: 'x' }),
    { name: 'secrets', path: '/v1/secrets', headers: bearer },
    { name: 'value', path: '/v1/secrets/KEPT', headers: bearer },
    {
      ...{ name: 'create', path: '/v1/secrets', method: 'POST' },
      ...{ headers: { ...bearer, ...json }, body: secret },
    },
    dynamodb('ListTables', {}),
    dynamodb('Scan', { TableName: 'vault' }),
    dynamodb('PutItem', { TableName: 'vault', Item: key }),
    dynamodb('DeleteTable', { TableName: 'vault' }),
    kms('ListKeys', {}),
    kms('DisableKey', { KeyId: 'alias/vault' }),
    { name: 'socket', path: '/', socket: true },
    text('/raft', {}),
    text('/report', {}),
    text('/hash', { revision: 1 }),
    text('/member', { node: 1 }),
    { name: 'status', path: '/status', headers: { Authorization: 'Bearer guessed' } },
  ];
};

export type Outcome = {
  readonly name: string;
  readonly base: string;
  /** What the page could read of the reply; `null` if it could read nothing. */
  readonly read: { readonly status: number; readonly text: string } | null;
};

/**
 * Returns a script that makes all attempts at each address, one after the other at the same
 * address, and returns the outcomes.
 */
export const attemptsAt = (bases: readonly string[], attempts: readonly Attempt[]): string =>
  `(async ({ bases, attempts }) => {
  const opens = (url) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    socket.onopen = () => { resolve({ status: 101, text: '' }); socket.close(); };
    socket.onerror = reject;
  });
  const attempt = async (base, { name, path, socket, ...init }) => {
    const url = base + path;
    try {
      if (socket) return { name, base, read: await opens(url) };
      const reply = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
      if (reply.type === 'opaque') return { name, base, read: null };
      const text = (await reply.text()).slice(0, 500);
      return { name, base, read: { status: reply.status, text } };
    } catch {
      return { name, base, read: null };
    }
  };
  const attemptAll = async (base) => {
    const outcomes = [];
    for (const one of attempts) outcomes.push(await attempt(base, one));
    return outcomes;
  };
  return (await Promise.all(bases.map(attemptAll))).flat();
})(${JSON.stringify({ bases, attempts })})`;

/** Everything that a page tries at a port, whichever service listens there. */

export type Attempt = {
  readonly name: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `no-cors`: a request that a browser sends without a preflight, and whose reply no page can read. */
  readonly mode?: 'cors' | 'no-cors';
  /** Opens a WebSocket instead, for which browsers send no preflight. */
  readonly socket?: true;
};

/** The stores and the embedded KMS require a signature; the stores do not verify it. */
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

/** A POST of text, which needs no preflight, and takes effect unless the server refuses it. */
const text = (path: string, body: object): Attempt => ({
  name: `text to ${path}`,
  path,
  method: 'POST',
  headers: { 'Content-Type': 'text/plain' },
  body: JSON.stringify(body),
});

/** The key that the page writes, where it can. */
const pageKey = 'written by a page';

const get = (path: string): Attempt => ({ name: `GET ${path}`, path });

/** `token`: the page's token of the vault. The page has no access key of the embedded KMS. */
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
  /** The name of the attempt and its address. */
  readonly name: string;
  readonly base: string;
  /** The part of the reply that the page could read; `null` if none. */
  readonly read: { readonly status: number; readonly text: string } | null;
};

/** A script that makes all attempts at each address, one after another, and returns their outcomes. */
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

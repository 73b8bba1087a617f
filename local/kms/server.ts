/**
 * The embedded KMS: one master key behind KMS's own protocol (JSON 1.1), so that the unchanged KMS client can use it.
 * Functions in the same process call it directly. All other clients use HTTP or TLS. Over HTTP it listens on loopback
 * by default, and answers only the access key that was made with the master key. Over TLS it answers every client with
 * a certificate of the cluster, without a signature.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TlsFiles } from '../cluster/cluster-file.ts';
import { createBoundedServer, type Exchange } from '../host/bounded-server.ts';
import { bounds } from '../host/bounds.ts';
import type { Answer } from '../host/in-process.ts';
import { isFromPage } from '../host/requests.ts';
import { fault, isFault } from './fault.ts';
import { type Credentials, type MasterKey, openMasterKey } from './master-key.ts';
import { operations } from './operations.ts';
import { checkSignature } from './signature.ts';

export type Kms = {
  readonly endpoint: string;
  readonly keyArn: string;
  readonly credentials: Credentials;
  /** Answers callers in this process as it would over HTTP. */
  readonly answer: Answer;
  readonly close: () => Promise<void>;
};

/** The file of the data folder that holds the master key, its state and the access key. */
export const masterKeyFile = (folder: string): string => join(folder, 'kms.json');

/** A full encryption context and the largest blob, as base64 in JSON, stay below this. */
const bodyBytesMax = 65_536;

const parse = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // The caller refuses this with its own message, because the parser's message quotes the body.
    return undefined;
  }
};

const isInput = (input: unknown): input is Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** Performs one operation. Throws a fault of KMS. */
const perform = (key: MasterKey, name: string, input: unknown): object | undefined => {
  const operation = operations.get(name);
  if (operation === undefined) {
    throw fault('UnknownOperationException', `${name} is not served here.`);
  }
  if (!isInput(input)) throw fault('SerializationException', 'The body is no JSON object.');
  return operation(key, input);
};

type Reply = Awaited<ReturnType<Answer>>;

/** Makes the reply of the value or the fault that `work` gives. */
const replyOf = async (work: () => Promise<object | undefined>): Promise<Reply> => {
  try {
    return { status: 200, body: await work() };
  } catch (error) {
    const known = isFault(error) ? error : fault('KMSInternalException', 'The local KMS failed.');
    const body = { __type: known.name, message: known.message };
    return { status: isFault(error) ? 400 : 500, body };
  }
};

/** Performs a request over HTTP or TLS. Throws a fault of KMS. */
const performRequest = async (
  key: MasterKey,
  { request, readBody }: Exchange,
  isTls: boolean,
): Promise<object | undefined> => {
  if (isFromPage(request)) throw fault('AccessDeniedException', 'A web page may not use this.');
  const body = await readBody(bodyBytesMax);
  if (typeof body === 'string') throw fault('ValidationException', `The request is ${body}.`);
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [
      name,
      values?.join(',') ?? '',
    ]),
  );
  const { method = '', url: path = '' } = request;
  if (!isTls) await checkSignature({ method, path, headers, body }, key.credentials, Date.now());
  if (method !== 'POST' || path !== '/') {
    throw fault('UnknownOperationException', 'Only POST / is served here.');
  }
  const [, name = ''] = /^TrentService\.(\w+)$/.exec(headers['x-amz-target'] ?? '') ?? [];
  return perform(key, name, parse(body));
};

/** Answers callers in this process as the KMS of this key would over HTTP. */
export const answerWith =
  (key: MasterKey): Answer =>
  (operation, body) =>
    replyOf(async () => perform(key, operation, body));

const respond = async (key: MasterKey, exchange: Exchange, isTls: boolean): Promise<void> => {
  const { request, response, discardBody } = exchange;
  const { status, body } = await replyOf(() => performRequest(key, exchange, isTls));
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/x-amz-json-1.1');
  response.setHeader('x-amzn-RequestId', randomUUID());
  if (status !== 200) {
    response.setHeader('Connection', request.complete ? 'keep-alive' : 'close');
    await discardBody();
  }
  response.end(body === undefined ? '' : JSON.stringify(body));
};

/**
 * Opens the master key of a data folder (and makes it the first time), and serves it on `host` (default: 127.0.0.1) at
 * `port` (default: any free port). With `tls` it serves by TLS. `close` also ends open connections. Throws the system's
 * error if it cannot listen.
 */
export const startKms = async (options: {
  readonly folder: string;
  readonly port?: number;
  readonly host?: string;
  readonly tls?: TlsFiles;
}): Promise<Kms> => {
  const { folder, port = 0, host = '127.0.0.1', tls } = options;
  const key = openMasterKey(masterKeyFile(folder));
  const respondTo = (exchange: Exchange) => respond(key, exchange, tls !== undefined);
  const server = createBoundedServer({ bounds, respond: respondTo, ...(tls && { tls }) });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: listening } = server.address() as AddressInfo;
  return {
    endpoint: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    keyArn: key.arn,
    credentials: key.credentials,
    answer: answerWith(key),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

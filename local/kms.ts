/**
 * The embedded KMS: one master key behind KMS's own HTTP protocol (JSON 1.1), so that the unchanged KMS client talks
 * to it. It listens on loopback unless it is told otherwise, and answers the one access key that was made with the
 * master key.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createBoundedServer, type Exchange } from './bounded-server.ts';
import { bounds } from './bounds.ts';
import { fault, isFault } from './kms/fault.ts';
import { type Credentials, type MasterKey, openMasterKey } from './kms/master-key.ts';
import { operations } from './kms/operations.ts';
import { checkSignature } from './kms/signature.ts';
import { isFromPage } from './web-pages.ts';

export type Kms = {
  readonly endpoint: string;
  readonly keyArn: string;
  readonly credentials: Credentials;
  readonly close: () => Promise<void>;
};

/** The file of the data folder that holds the master key, its state and the access key. */
export const masterKeyFile = (folder: string): string => join(folder, 'kms.json');

/** A full encryption context and the largest blob, as base64 in JSON, stay below this. */
const bodyBytesMax = 65_536;

const inputOf = (body: Buffer): Record<string, unknown> => {
  try {
    const input: unknown = JSON.parse(body.toString('utf8'));
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
      return input as Record<string, unknown>;
    }
  } catch {
    // Answered below, without the parser's message: it quotes the body.
  }
  throw fault('SerializationException', 'The body is no JSON object.');
};

const answer = async (key: MasterKey, { request, readBody }: Exchange): Promise<string> => {
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
  await checkSignature({ method, path, headers, body }, key.credentials, Date.now());
  const [, name = ''] = /^TrentService\.(\w+)$/.exec(headers['x-amz-target'] ?? '') ?? [];
  const operation = operations.get(name);
  if (method !== 'POST' || path !== '/' || operation === undefined) {
    throw fault('UnknownOperationException', `${name} is not served here.`);
  }
  const output = operation(key, inputOf(body));
  return output === undefined ? '' : JSON.stringify(output);
};

const respond = async (key: MasterKey, exchange: Exchange): Promise<void> => {
  const { request, response } = exchange;
  response.setHeader('Content-Type', 'application/x-amz-json-1.1');
  response.setHeader('x-amzn-RequestId', randomUUID());
  try {
    response.end(await answer(key, exchange));
  } catch (error) {
    const known = isFault(error) ? error : fault('KMSInternalException', 'The local KMS failed.');
    response.statusCode = isFault(error) ? 400 : 500;
    response.setHeader('Connection', request.complete ? 'keep-alive' : 'close');
    await exchange.discardBody();
    response.end(JSON.stringify({ __type: known.name, message: known.message }));
  }
};

/**
 * Opens the master key of a data folder (the first time, makes it) and serves it on `host`, else 127.0.0.1, at `port`,
 * or at any free one. `close` ends open connections too. Throws what the system says if it cannot listen.
 */
export const startKms = async (options: {
  readonly folder: string;
  readonly port?: number;
  readonly host?: string;
}): Promise<Kms> => {
  const { folder, port = 0, host = '127.0.0.1' } = options;
  const key = openMasterKey(masterKeyFile(folder));
  const respondTo = (exchange: Exchange) => respond(key, exchange);
  const server = createBoundedServer({ bounds, respond: respondTo });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: listening } = server.address() as AddressInfo;
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    keyArn: key.arn,
    credentials: key.credentials,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

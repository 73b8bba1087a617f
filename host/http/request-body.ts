/**
 * Reads the bodies of requests, never keeping more than their limit in memory, and recognises
 * requests from web pages. A page of any site can send requests to ports of this machine. No client
 * of the vault runs in a browser, so the local servers refuse all such requests.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { bounds } from './bounds.ts';

/**
 * At most this much of a refused body is read and discarded, so that its sender can read the
 * answer.
 */
const discardedBytesMax = 64 * 1_048_576;

/**
 * Why a body is not read: it is too long, it is not valid HTTP, it arrives too slowly, or all
 * bodies together are too large.
 */
export type BodyFault = 'too long' | 'malformed' | 'too slow' | 'no room';
export type BodyResult = Buffer | BodyFault;

export const isDeclaredTooLong = (request: IncomingMessage, bytesMax: number): boolean =>
  Number(request.headers['content-length'] ?? 0) > bytesMax;

/**
 * Resolves with the body. Resolves with `'too long'` as soon as the body has more than `bytesMax`,
 * or with the value of `giveUp` once that resolves; the rest is then unread. `count` is called with
 * the size of each piece. Rejects if the sender disconnects.
 */
export const readBody = (
  request: IncomingMessage,
  bytesMax: number,
  count: (bytes: number) => void = () => undefined,
  giveUp: Promise<BodyFault> = new Promise(() => undefined),
): Promise<BodyResult> =>
  new Promise((resolve, reject) => {
    if (isDeclaredTooLong(request, bytesMax)) return resolve('too long');
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (read: BodyResult) => {
      request.off('data', take);
      chunks.length = 0;
      resolve(read);
    };
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      count(chunk.length);
      if (bytes <= bytesMax) return;
      request.pause();
      end('too long');
    };
    request.on('data', take);
    request.once('end', () => end(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('the sender went away'));
    });
    void giveUp.then((why) => {
      request.pause();
      end(why);
    });
  });

/** Reads the rest of a body within limits and discards it. Never rejects. */
export const discardBody = (request: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve();
    let bytes = 0;
    const timer = setTimeout(() => done(), bounds.lingerMs);
    const done = () => {
      clearTimeout(timer);
      request.off('data', count).pause();
      resolve();
    };
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > discardedBytesMax) done();
    };
    request.on('data', count).once('end', done).once('error', done).once('close', done);
    // The request was paused when its body was refused, so it must be resumed to read the rest.
    request.resume();
  });

/**
 * Whether the request has an `Origin` header. Browsers send it with every request to another origin
 * whose reply the page may read, and with every method except GET and HEAD; a page cannot suppress
 * it. Other clients do not send it.
 */
export const isFromPage = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean =>
  headers.origin !== undefined;

/**
 * Whether the request names its host exactly once; HTTP/1.0 may omit it. With two `Host` headers, a
 * proxy and this server could take the request for different hosts (RFC 9112, 3.2).
 */
export const namesOneHost = ({
  headersDistinct,
  httpVersion,
}: Pick<IncomingMessage, 'headersDistinct' | 'httpVersion'>): boolean => {
  const count = headersDistinct['host']?.length ?? 0;
  return count === 1 || (count === 0 && httpVersion === '1.0');
};

/**
 * Whether the request's `Host` is a name instead of an address. If an attacker points the name of a
 * page at this machine after the page has loaded (DNS rebinding), the browser takes the server for
 * the page's own: a GET then has no `Origin`, and the page can read the reply. Its `Host` is still
 * the page's name.
 */
export const isForName = ({ headers: { host } }: Pick<IncomingMessage, 'headers'>): boolean => {
  if (host === undefined) return false;
  const { hostname = '' } = URL.parse(`http://${host}`) ?? {};
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0;
};

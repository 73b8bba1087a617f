/** Reads the bodies of requests without ever holding more of one than it may have. */
import type { IncomingMessage } from 'node:http';

/** So much of a refused body is read and thrown away, so that its sender gets to read the answer. */
const discardedBytesMax = 64 * 1_048_576;
const discardingMs = 5_000;

/** Why a body is not read: it is too long or no HTTP, it came too slowly, or all bodies together are too many bytes. */
export type Unread = 'too long' | 'malformed' | 'too slow' | 'no room';
export type Read = Buffer | Unread;

export const isDeclaredTooLong = (request: IncomingMessage, bytesMax: number): boolean =>
  Number(request.headers['content-length'] ?? 0) > bytesMax;

/**
 * The body; `'too long'` as soon as it has more than `bytesMax`, or what `giveUp` resolves with, with the rest unread.
 * `count` is called with the size of each piece. Rejects if the sender goes away.
 */
export const readBody = (
  request: IncomingMessage,
  bytesMax: number,
  count: (bytes: number) => void = () => undefined,
  giveUp: Promise<Unread> = new Promise(() => undefined),
): Promise<Read> =>
  new Promise((resolve, reject) => {
    if (isDeclaredTooLong(request, bytesMax)) return resolve('too long');
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (read: Read) => {
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

/** Reads what is left of a body and throws it away, within bounds. Never rejects. */
export const discardBody = (request: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    if (request.complete || request.destroyed) return resolve();
    let bytes = 0;
    const timer = setTimeout(() => done(), discardingMs);
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
    // The refusal of the body has paused it.
    request.resume();
  });

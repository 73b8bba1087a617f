/** Reads the bodies of requests without ever holding more of one than it may have. */
import type { IncomingMessage } from 'node:http';

/** What is read and thrown away of a body that was refused, so that its sender gets to read the answer. */
const discardedBytesMax = 64 * 1_048_576;
const discardingMs = 5_000;

export const isDeclaredTooLong = (request: IncomingMessage, bytesMax: number): boolean =>
  Number(request.headers['content-length'] ?? 0) > bytesMax;

/** The body; `undefined` as soon as it is too long, with the rest unread. Rejects if the sender goes away. */
export const readBody = (request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> =>
  new Promise((resolve, reject) => {
    if (isDeclaredTooLong(request, bytesMax)) return resolve(undefined);
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= bytesMax) return;
      request.off('data', take).pause();
      resolve(undefined);
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('the sender went away'));
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
    // Who refused the body has paused it.
    request.resume();
  });

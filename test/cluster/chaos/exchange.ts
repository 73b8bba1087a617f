/** One HTTP exchange of a client that may lose its patience, its connection or the other side at any moment. */
import { Agent, request } from 'node:http';

export type Request = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | undefined;
};
type Answer =
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly replayed: boolean;
      readonly text: string;
    }
  /** There was no connection: nothing was sent. */
  | { readonly kind: 'unreachable' }
  /** It may have been received, and may have been done. */
  | { readonly kind: 'lost' };

const unreachable = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

export type Exchange = (url: string, sent: Request, patienceMs: number) => Promise<Answer>;

export const createExchange = (): Exchange & { readonly close: () => void } => {
  const agent = new Agent({ keepAlive: true });
  const exchange: Exchange = (url, { method, path, headers, body }, patienceMs) =>
    new Promise((resolve) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const described =
        text === undefined
          ? {}
          : {
              'Content-Type': 'application/json',
              'Content-Length': String(Buffer.byteLength(text)),
            };
      const end = (answer: Answer): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      const outgoing = request(
        new URL(path, url),
        { agent, method, headers: { ...headers, ...described } },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('error', () => end({ kind: 'lost' }));
          reply.on('end', () =>
            end({
              kind: 'reply',
              status: reply.statusCode ?? 0,
              replayed: reply.headers['idempotency-replayed'] === 'true',
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      const timer = setTimeout(() => outgoing.destroy(new Error('no patience')), patienceMs);
      outgoing.on('error', ({ code }: NodeJS.ErrnoException) =>
        end({ kind: unreachable.has(code ?? '') ? 'unreachable' : 'lost' }),
      );
      outgoing.end(text);
    });
  return Object.assign(exchange, { close: () => agent.destroy() });
};

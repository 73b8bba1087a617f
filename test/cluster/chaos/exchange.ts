/**
 * One HTTP exchange by a client that may lose its patience, its connection or its node at any
 * moment.
 */
import { codeOf } from '../../../system/failures.ts';
import { exchange } from '../../support/raw-http.ts';

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
  /** There was no connection, so nothing was sent. */
  | { readonly kind: 'unreachable' }
  /** The request may have been received, and may have taken effect. */
  | { readonly kind: 'lost' };

const unreachable = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Sends a request. Never rejects. */
export const ask = async (url: string, sent: Request, patienceMs: number): Promise<Answer> => {
  const { method, path, headers } = sent;
  const body = sent.body && JSON.stringify(sent.body);
  const described = { ...headers, ...(body && { 'Content-Type': 'application/json' }) };
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const reply = await exchange({ url, method, path, headers: described, body, signal });
    const replayed = reply.headers.get('idempotency-replayed') === 'true';
    return { kind: 'reply', status: reply.status, replayed, text: reply.text };
  } catch (error) {
    return { kind: unreachable.includes(codeOf(error) ?? '') ? 'unreachable' : 'lost' };
  }
};

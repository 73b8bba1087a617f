/**
 * Repeats requests behind a gateway whose functions may be too slow, as a client does: only if the
 * contract allows it, and with the same key. Every other answer goes to the caller, so a wrong
 * answer is still noticed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawReply } from './raw-http.ts';

/**
 * `final`: do not repeat. `unmade`: the vault says that the request had no effect and may be
 * repeated. `unclear`: the request may have taken effect, or may still do so.
 */
type Outcome = 'final' | 'unmade' | 'unclear';

const outcomeOf = (reply: RawReply): Outcome => {
  const { status, headers, text } = reply;
  // If a function gives no answer or is too slow, the gateway answers for it.
  if (isOfGateway(reply)) return 'unclear';
  if ((status !== 429 && status !== 503) || !isProblem(headers)) return 'final';
  // Only the answer to HEAD has no body.
  if (text === '') return headers.has('retry-after') ? 'unmade' : 'final';
  const { retryable, code } = JSON.parse(text) as { retryable?: unknown; code?: unknown };
  if (retryable !== true) return 'final';
  return code === 'outcome_unknown' ? 'unclear' : 'unmade';
};

const isOfGateway = ({ status, headers }: RawReply): boolean =>
  (status === 502 || status === 504) && !isProblem(headers);
const isProblem = (headers: RawReply['headers']): boolean =>
  headers.get('content-type')?.startsWith('application/problem+json') === true;

/** How many seconds to wait before the next attempt if the answer has no Retry-After. */
const waitS = 0.2;

export type Repetition<Reply extends RawReply> = {
  /** How often a request is sent at most. */
  readonly triesMax: number;
  /**
   * Whether the request may be repeated if its outcome is unclear: it changes nothing, or has an
   * `Idempotency-Key`.
   */
  readonly isSafe: boolean;
  /**
   * Called with the final answer, and with each earlier answer of the vault. Throws if the contract
   * does not allow the answer.
   */
  readonly check: (reply: Reply) => void;
  readonly wait?: (ms: number) => Promise<unknown>;
};

/**
 * Sends until the answer is final, and waits between attempts as the answer asks. If `tries` is
 * above 1, an earlier attempt may have taken effect, and the answer may be a replay.
 */
export const sendUntilFinal = async <Reply extends RawReply>(
  send: () => Promise<Reply>,
  { triesMax, isSafe, check, wait = sleep }: Repetition<Reply>,
): Promise<Reply & { readonly tries: number }> => {
  for (let tries = 1; ; tries += 1) {
    const reply = await send();
    const outcome = outcomeOf(reply);
    const isLast = outcome === 'final' || (outcome === 'unclear' && !isSafe) || tries === triesMax;
    if (isLast || !isOfGateway(reply)) check(reply);
    if (isLast) return { ...reply, tries };
    await wait(1_000 * Number(reply.headers.get('retry-after') ?? waitS));
  }
};

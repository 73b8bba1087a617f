/**
 * What a client does behind a gateway whose functions may be too slow: where the contract allows it, the client repeats
 * a request with the same key. Every other answer goes to the caller, so a wrong answer stays wrong.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawReply } from './raw-http.ts';

/**
 * `final`: do not repeat. `unmade`: the vault says that the request had no effect and may be repeated. `unclear`: the
 * request may have had its effect, or may still have it.
 */
type Outcome = 'final' | 'unmade' | 'unclear';

const outcomeOf = (reply: RawReply): Outcome => {
  const { status, headers, text } = reply;
  // A gateway answers in its own words for a function that gave no answer or was too slow.
  if (isOfGateway(reply)) return 'unclear';
  if ((status !== 429 && status !== 503) || !isProblem(headers)) return 'final';
  // Only an answer to HEAD has no body.
  if (text === '') return headers.has('retry-after') ? 'unmade' : 'final';
  const { retryable, code } = JSON.parse(text) as { retryable?: unknown; code?: unknown };
  if (retryable !== true) return 'final';
  return code === 'outcome_unknown' ? 'unclear' : 'unmade';
};

const isOfGateway = ({ status, headers }: RawReply): boolean =>
  (status === 502 || status === 504) && !isProblem(headers);
const isProblem = (headers: RawReply['headers']): boolean =>
  headers.get('content-type')?.startsWith('application/problem+json') === true;

/** The wait after an answer without Retry-After. */
const waitS = 0.2;

export type Repetition<Reply extends RawReply> = {
  /** The highest number of attempts. */
  readonly triesMax: number;
  /** Whether an unclear request may be repeated: it changes nothing, or has an `Idempotency-Key`. */
  readonly isSafe: boolean;
  /** Gets the final answer, and each earlier answer of the vault. Throws if the contract does not know it. */
  readonly check: (reply: Reply) => void;
  readonly wait?: (ms: number) => Promise<unknown>;
};

/**
 * Sends until the answer is final, and waits between attempts as the answer asks. If `tries` is above 1, an earlier
 * attempt may have had the effect, so that the first answer may be a replay.
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

/** A client that sends an operation, and repeats it until it knows the outcome or gives up. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './exchange.ts';
import { type Answer, microseconds, type Operation } from './history.ts';
import type { Random } from './random.ts';
import { requestOf, tell, type Unplanned } from './requests.ts';

export type ClientOptions = {
  /** The addresses of the nodes. The client prefers the one with the index `home`. */
  readonly urls: readonly string[];
  readonly home: number;
  readonly token: string;
  readonly random: Random;
  /** Whether the client should still repeat an operation with an unclear outcome. */
  readonly persists: () => boolean;
  /**
   * How many more nodes to try if a node cannot be reached, or refuses the request for the moment.
   */
  readonly othersMax: number;
};

/** The result of an operation, or of its last attempt, with its times. */
type Observed = { readonly call: number; readonly return: number; readonly told: Answer };

export type Outcome = {
  /**
   * One entry, or two if the last attempt was refused after others with an unclear outcome. Those
   * may still take effect later, so the refusal holds only for its own moment.
   */
  readonly observed: readonly Observed[];
  readonly told: Answer;
  /** Replies that the contract does not allow. */
  readonly unplanned: readonly string[];
  /** How many requests were sent after the first. */
  readonly repeats: number;
  readonly replays: number;
  /** Whether an attempt ended without a clear answer, so that it may still take effect. */
  readonly wasUnclear: boolean;
};

const repeatsMax = 12;
const keyedKinds: ReadonlySet<Operation['kind']> = new Set(['create', 'update', 'delete']);
const takesKey = (asked: Operation): boolean =>
  keyedKinds.has(asked.kind) || (asked.kind === 'env' && asked.creates.length > 0);

const same = (a: Answer, b: Answer): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Returns a client. The client never throws; whatever goes wrong is in the outcome. */
export const createClient = (options: ClientOptions): ((asked: Operation) => Promise<Outcome>) => {
  const { urls, home, token, random, othersMax } = options;
  const node = (): string =>
    (random.chance(0.7) ? urls[home % urls.length] : undefined) ?? random.pick(urls);
  /**
   * How long the client waits for a reply. Sometimes it gives up early. The vault itself answers
   * within ten seconds.
   */
  const patienceMs = (): number => (random.chance(0.1) ? 300 + random.below(2_000) : 12_000);

  return async (asked) => {
    const keyed = takesKey(asked) && random.chance(0.6);
    // A destruction takes no idempotency key, but destroying a version twice has the same effect as
    // once.
    const repeatable = keyed || (asked.kind === 'destroy' && random.chance(0.6));
    const sent = requestOf(asked, token, keyed ? randomUUID() : undefined);
    const unplanned: string[] = [];
    let replays = 0;
    let wasUnclear = false;
    const attempt = async (url: string): Promise<Answer> => {
      const answer = await ask(url, sent, patienceMs());
      if (answer.kind === 'unreachable') return { outcome: 'nothing' };
      if (answer.kind === 'lost') wasUnclear = true;
      if (answer.kind === 'lost') return { outcome: 'unknown' };
      if (answer.replayed) replays += 1;
      const told: Answer | Unplanned = tell(asked, answer.status, answer.text);
      if ('outcome' in told && told.outcome === 'unknown') wasUnclear = true;
      if ('outcome' in told) return told;
      unplanned.push(told.unplanned);
      return { outcome: 'unknown' };
    };

    const call = microseconds();
    let told = await attempt(node());
    for (let others = 0; told.outcome === 'nothing' && others < othersMax; others += 1) {
      await sleep(50 + random.below(50 * 2 ** Math.min(others, 5)));
      told = await attempt(random.pick(urls));
    }
    let repeats = 0;
    let lastCall = call;
    while (told.outcome === 'unknown' && repeatable && repeats < repeatsMax && options.persists()) {
      repeats += 1;
      await sleep(50 + random.below(100 * 2 ** Math.min(repeats, 4)));
      lastCall = microseconds();
      const next = await attempt(random.pick(urls));
      // If this attempt wrote nothing, the outcome stays unclear, because an earlier attempt may
      // have written.
      if (next.outcome !== 'nothing') told = next;
    }
    const last: Observed = { call, return: microseconds() + 1, told };
    const isRefusedLate = repeats > 0 && told.outcome !== 'done' && told.outcome !== 'unknown';
    const observed: readonly Observed[] = isRefusedLate
      ? [
          { call, return: lastCall, told: { outcome: 'unknown' } },
          { ...last, call: lastCall },
        ]
      : [last];
    if (told.outcome === 'done' && repeatable && random.chance(0.08)) {
      repeats += 1;
      const again = await attempt(random.pick(urls));
      const silent = again.outcome === 'unknown' || again.outcome === 'nothing';
      if (!silent && !same(again, told)) {
        unplanned.push(`a repeated ${asked.kind}: ${JSON.stringify([asked, told, again])}`);
      }
    }
    return { observed, told, unplanned, repeats, replays, wasUnclear };
  };
};

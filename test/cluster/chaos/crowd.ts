/**
 * Clients that fight, four to eight in each contest. Each client sends one operation after the
 * other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { closeConnections } from '../../support/raw-http.ts';
import { createClient, type Outcome } from './client.ts';
import { type Contest, createContest } from './contests.ts';
import { ask } from './exchange.ts';
import {
  type History,
  microseconds,
  type Observation,
  type Operation,
  shownBy,
} from './history.ts';
import { createRandom, type Random } from './random.ts';
import { seenOf } from './requests.ts';

export type CrowdOptions = {
  readonly seed: number;
  readonly clients: number;
  readonly urls: readonly string[];
  readonly token: string;
  readonly history: History;
  /** How many more nodes a client tries when it is refused for the moment. 0 by default. */
  readonly othersMax?: number;
  /** Makes a contest with this name; `createContest` by default. */
  readonly contestOf?: (word: string) => Contest;
  /**
   * Whether the clients should stop, given how many operations there have been so far. Called
   * before each operation.
   */
  readonly isOver: (operations: number) => boolean;
};

export type Crowd = {
  /** The number of operations that were answered or may have taken effect. */
  readonly operations: () => number;
  /**
   * The number of operations that wrote nothing because they were refused for the moment, or
   * because there was no connection.
   */
  readonly refusals: () => number;
  readonly repeats: () => number;
  readonly replays: () => number;
  readonly unplanned: readonly string[];
  /** Resolves when every client has stopped. */
  readonly ended: Promise<void>;
  /** Reads all versions of all secrets into the history. Throws if a secret cannot be read. */
  readonly readAll: () => Promise<void>;
};

/**
 * The longest that a request can take according to docs/openapi.yaml, and a little more, because
 * the clocks are read at both ends.
 */
const requestMsMax = 11_000;
const contestSizes = { least: 4, most: 8 };

/** Divides all clients into contests of four to eight. */
const sizesOf = (clients: number, random: Random): number[] => {
  const { least, most } = contestSizes;
  const fewest = Math.ceil(clients / most);
  const contests = fewest + random.below(Math.max(1, Math.floor(clients / least) - fewest + 1));
  const sizes = Array.from({ length: contests }, () => Math.floor(clients / contests));
  for (let rest = clients % contests; rest > 0; rest -= 1) sizes[rest] = (sizes[rest] ?? 0) + 1;
  return sizes;
};

export const startCrowd = (options: CrowdOptions): Crowd => {
  const { seed, clients, urls, token, history, othersMax = 0 } = options;
  const plan = createRandom(seed, 'contests');
  const { contestOf = (word) => createContest(word, 600 + plan.below(400)) } = options;
  const contests: Contest[] = [];
  const unplanned: string[] = [];
  const counts = { operations: 0, refusals: 0, repeats: 0, replays: 0, lastUnclear: -Infinity };

  const isOver = (): boolean => options.isOver(counts.operations);
  const contestIn = (place: { contest: Contest | undefined }): Contest => {
    if (place.contest === undefined || place.contest.isOver()) {
      place.contest = contestOf(`S${seed}_${contests.length}`);
      contests.push(place.contest);
    }
    return place.contest;
  };
  const take = (client: number, contest: Contest, asked: Operation, outcome: Outcome): void => {
    const { told } = outcome;
    for (const { told: found, ...instants } of outcome.observed) {
      history.record({ client, ...instants, ...asked, ...found });
    }
    counts[told.outcome === 'nothing' ? 'refusals' : 'operations'] += 1;
    if (outcome.wasUnclear) counts.lastUnclear = performance.now();
    counts.repeats += outcome.repeats;
    counts.replays += outcome.replays;
    unplanned.push(...outcome.unplanned);
    for (const { name, version } of shownBy(asked, told)) contest.shown(name, version);
  };
  const run = async (client: number, place: { contest: Contest | undefined }): Promise<void> => {
    const random = createRandom(seed, `client ${client}`);
    const persists = () => !isOver();
    const perform = createClient({ urls, home: client, token, random, persists, othersMax });
    while (!isOver()) {
      const contest = contestIn(place);
      const asked = contest.next(random);
      const outcome = await perform(asked);
      take(client, contest, asked, outcome);
      // A client that was refused for the moment waits longer. The short pause of the others leaves
      // some processor time for the nodes.
      await sleep(outcome.told.outcome === 'nothing' ? 50 + random.below(150) : random.below(8));
    }
  };
  const places = sizesOf(clients, plan).flatMap((size) => {
    const place = { contest: undefined };
    return Array.from({ length: size }, () => place);
  });
  const readAll = async (): Promise<void> => {
    // Waits until a request whose client has given up can no longer take effect.
    await sleep(Math.max(0, counts.lastUnclear + requestMsMax - performance.now()));
    const names = contests.flatMap((contest) => contest.names());
    const readOn = async (client: number): Promise<void> => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const call = microseconds();
        const url = urls[client % urls.length] ?? '';
        const seen = await readVersions(url, token, name);
        const instants = { client, call, return: microseconds() + 1 };
        history.record({ ...instants, kind: 'final', name, outcome: 'done', seen });
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, client) => readOn(client)));
    closeConnections();
  };
  return {
    operations: () => counts.operations,
    refusals: () => counts.refusals,
    repeats: () => counts.repeats,
    replays: () => counts.replays,
    unplanned,
    ended: Promise.all(places.map((place, client) => run(client, place))).then(() => undefined),
    readAll,
  };
};

/** How often the final read of a secret is repeated, a second apart, before the run fails. */
const finalTriesMax = 30;

type Page = {
  readonly versions: readonly Parameters<typeof seenOf>[1][];
  readonly nextCursor: string | null;
};

const readVersions = async (
  url: string,
  token: string,
  name: string,
): Promise<readonly Observation[]> => {
  const seen: Observation[] = [];
  let cursor: string | null = null;
  let tries = 0;
  do {
    const query = `include=values&order=asc${cursor === null ? '' : `&cursor=${cursor}`}`;
    const path = `/v1/secrets/${name}/versions?${query}`;
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await ask(url, { method: 'GET', path, headers, body: undefined }, 20_000);
    if (answer.kind === 'reply' && answer.status === 404) return [];
    if (answer.kind === 'reply' && answer.status === 200) {
      const page: Page = JSON.parse(answer.text);
      seen.push(...page.versions.map((entry) => seenOf(name, entry)));
      cursor = page.nextCursor;
    } else {
      tries += 1;
      if (tries === finalTriesMax)
        throw new Error(`${name} cannot be read at the end: ${JSON.stringify(answer)}`);
      await sleep(1_000);
    }
  } while (cursor !== null || (seen.length === 0 && tries > 0));
  return seen;
};

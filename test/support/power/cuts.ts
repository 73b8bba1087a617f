/** Plays lives of a vault again, and cuts the power at chosen times. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { intBelow, oneOf, type Random } from '../adversary/random.ts';
import { type Content, type Cut, createDisk, type Names } from './disk.ts';
import type { Event } from './events.ts';
import type { Life, Lives } from './lives.ts';

/** A time at which a call began or returned. */
export type Moment = {
  readonly life: number;
  readonly event: Event;
  readonly is: 'begin' | 'end';
};

/** The moments of all lives, in their order. */
export const momentsOf = (lives: readonly Life[]): readonly Moment[] =>
  lives.flatMap(({ events }, life) =>
    events
      .flatMap((event): (Moment & { readonly at: number })[] => [
        { life, event, is: 'begin', at: event.begin },
        ...(event.end === undefined ? [] : [{ life, event, is: 'end' as const, at: event.end }]),
      ])
      .sort((a, b) => a.at - b.at),
  );

const requestIdOf = ({ event: { change }, is }: Moment): string | undefined =>
  change.kind === 'reply' && is === 'begin' ? change.requestId : undefined;

/**
 * Chooses when to cut the power: during the starts, after a start that only read, directly after an answer began to leave,
 * to a reader or to anybody, and anywhere. Returns places in the list of moments.
 */
export const chooseMoments = (
  { lives, attempts }: Lives,
  moments: readonly Moment[],
  count: number,
  random: Random,
): readonly number[] => {
  const places = moments.map((_, place) => place);
  const replies = places.filter((place) => requestIdOf(moments[place] as Moment) !== undefined);
  const starts = lives.map((_, life) => {
    const firstReply = replies.find((place) => moments[place]?.life === life) ?? 0;
    return places.filter((place) => moments[place]?.life === life && place < firstReply);
  });
  const afterReads = lives.flatMap(({ lastRead }) =>
    replies.filter((place) => lastRead && requestIdOf(moments[place] as Moment) === lastRead),
  );
  const readIds = new Set(
    attempts.flatMap(({ stores, answer }) => (stores.size === 0 && answer ? answer.requestId : [])),
  );
  const reads = replies.filter((place) => readIds.has(requestIdOf(moments[place] as Moment) ?? ''));
  const some = (from: readonly number[], part: number): number[] =>
    from.length === 0
      ? []
      : Array.from({ length: part }, () => from[intBelow(random, from.length)] ?? 0);
  const chosen = [
    ...starts.flatMap((start) => some(start, Math.ceil(count / 12))),
    ...some(afterReads, Math.ceil(count / 20)),
  ];
  const rest = count - chosen.length;
  const third = Math.floor(rest / 3);
  chosen.push(...some(reads, third), ...some(replies, third), ...some(places, rest - 2 * third));
  return chosen.sort((a, b) => a - b);
};

/** A disk after a cut, and what was promised before it. */
export type CutDisk = {
  readonly content: Content;
  /** How the disk was chosen, for a failure to say. */
  readonly about: string;
  /** Whether the vault had answered nothing yet. */
  readonly isFirstStart: boolean;
  readonly isPromised: (requestId: string) => boolean;
};

const cutOf = (random: Random, names: Names): Cut => ({
  ...{ random, names },
  sectorBytes: oneOf(random, [512, 4_096]),
  kept: oneOf(random, [0, 0.1, 0.5, 0.9]),
});

/** Cuts the power at each of these places. `isLost` names events that the disk ignores. */
export function* cutPower(
  { root, lives }: Lives,
  moments: readonly Moment[],
  places: readonly number[],
  random: Random,
  isLost: (event: Event) => boolean = () => false,
): Generator<CutDisk> {
  const disks = { ordered: createDisk(root, 'ordered'), strict: createDisk(root, 'strict') };
  const promised = new Set<string>();
  let cuts = 0;
  for (const [place, moment] of moments.entries()) {
    const { life, event, is } = moment;
    const requestId = requestIdOf(moment);
    if (requestId !== undefined) promised.add(requestId);
    for (const disk of Object.values(disks)) if (!isLost(event)) disk[is](event);
    for (const _ of places.filter((one) => one === place)) {
      const names = cuts % 2 === 0 ? 'ordered' : 'strict';
      const cut = cutOf(random, names);
      cuts += 1;
      const soFar = new Set(promised);
      yield {
        content: disks[names].cut(cut),
        about: `moment ${place} of life ${life + 1} (${is} of ${event.change.kind}), ${names}, sectors of ${cut.sectorBytes}, ${cut.kept} kept`,
        isFirstStart: soFar.size === 0,
        isPromised: (id) => soFar.has(id),
      };
    }
    const isLast = moments[place + 1]?.life !== life;
    const left = lives[life]?.left;
    if (isLast && left) {
      for (const disk of Object.values(disks)) disk.settle(left);
    }
  }
}

/** The files whose content differs from what the vault left, at the end of each life. */
export const differences = (
  { root, lives }: Lives,
  moments: readonly Moment[],
): readonly string[] => {
  const disk = createDisk(root, 'ordered');
  const different: string[] = [];
  for (const [place, { life, event, is }] of moments.entries()) {
    disk[is](event);
    const left = lives[life]?.left;
    if (moments[place + 1]?.life === life || left === undefined) continue;
    disk.settle(left);
    const seen = disk.seenContent();
    for (const path of new Set([...left.keys(), ...seen.keys()])) {
      const [one, other] = [left.get(path), seen.get(path)];
      const isSame =
        left.has(path) && seen.has(path) && (one && other ? one.equals(other) : one === other);
      if (!isSame) different.push(`${relative(root, path)} at the end of life ${life + 1}`);
    }
  }
  return different;
};

/** Writes what a disk holds below another folder. SQLite's mapped file holds anything. */
export const writeContent = (content: Content, root: string, to: string): void => {
  for (const [path, bytes] of [...content].sort(([a], [b]) => a.length - b.length)) {
    const target = join(to, relative(root, path));
    mkdirSync(bytes === undefined ? target : dirname(target), { recursive: true, mode: 0o700 });
    if (bytes !== undefined) writeFileSync(target, bytes, { mode: 0o600 });
    if (path.endsWith('-wal')) {
      writeFileSync(target.replace(/wal$/, 'shm'), Buffer.alloc(32_768, 0xa5), { mode: 0o600 });
    }
  }
};

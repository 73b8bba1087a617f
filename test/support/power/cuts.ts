/** Replays the recorded lives of a vault, and cuts the power at chosen moments. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { intBelow, oneOf, type Random } from '../adversary/random.ts';
import { type Content, type Cut, createDisk, type Names } from './disk.ts';
import type { Event } from './events.ts';
import type { Life, Lives } from './lives.ts';

/**
 * A moment at which the power can be cut: when one of the vault's system calls began or returned.
 */
export type Moment = {
  readonly life: number;
  readonly event: Event;
  readonly is: 'begin' | 'end';
};

/** Returns the moments of all lives of the vault, in the order in which they came. */
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
 * Chooses when to cut the power: during the starts, just after the last read before the writers
 * began, just after the vault began to send an answer, to a reader or to anybody, and at any
 * moment. Returns indexes into the list of moments.
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

/** What is on the disk after a cut, and which answers the vault had given before it. */
export type CutDisk = {
  readonly content: Content;
  /** Says how the content of the disk was chosen, for the message of a failed test. */
  readonly about: string;
  /** Whether the power was cut before the vault answered anything. */
  readonly isFirstStart: boolean;
  readonly isPromised: (requestId: string) => boolean;
};

const cutOf = (random: Random, names: Names): Cut => ({
  ...{ random, names },
  sectorBytes: oneOf(random, [512, 4_096]),
  kept: oneOf(random, [0, 0.1, 0.5, 0.9]),
});

/**
 * Cuts the power at each of these moments. The disk ignores the events for which `isLost` returns
 * true.
 */
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

/**
 * Compares the content that the model of the disk predicts with the real files at the end of each
 * life. Returns the files that differ.
 */
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

/**
 * Writes the content of a disk to another folder. The file that SQLite maps into memory is filled
 * with arbitrary bytes.
 */
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

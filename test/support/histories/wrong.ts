/** Changes that make a right history wrong or nearly wrong: each changes or adds one operation. */
import type { Recorded } from '../../cluster/chaos/history.ts';
import { intBelow, type Random } from '../adversary/random.ts';

type History = readonly Recorded[];
/** Returns `undefined` if the history has nothing to change in this way. */
type Change = (history: History, random: Random) => History | undefined;

type Done = Extract<Recorded, { outcome: 'done' }>;
type Final = Extract<Recorded, { kind: 'final' }>;

const pick = <Item>(random: Random, items: readonly Item[]): Item | undefined =>
  items[intBelow(random, items.length)];
const isFinal = (one: Recorded): one is Final => one.kind === 'final';
const asked = (history: History): History => history.filter((one) => !isFinal(one));
const done = (history: History): readonly Done[] =>
  asked(history).filter((one): one is Done => one.outcome === 'done');
const versionsOf = (history: History, name: string): Final['seen'] =>
  history.filter(isFinal).find((one) => one.name === name)?.seen ?? [];

/** The history with one operation changed. */
const changed = (
  history: History,
  operation: Recorded | undefined,
  change: object | undefined,
): History | undefined =>
  operation && change
    ? history.map((one) => (one === operation ? ({ ...one, ...change } as Recorded) : one))
    : undefined;

const seenOf = (one: Recorded) => ('seen' in one && one.seen ? one.seen : []);

/** One version in a reply becomes another version of the same secret. */
const seesAnother: Change = (history, random) => {
  const reads = done(history).filter((one) => one.kind !== 'versions' && seenOf(one).length > 0);
  const read = pick(random, reads);
  if (!read) return undefined;
  const at = intBelow(random, seenOf(read).length);
  const { name = '' } = seenOf(read)[at] ?? {};
  const other = pick(random, versionsOf(history, name));
  return changed(history, read, other && { seen: seenOf(read).with(at, other) });
};

const seesWhatNobodyWrote: Change = (history, random) => {
  const read = pick(
    random,
    done(history).filter((one) => seenOf(one).length > 0),
  );
  const [first] = read ? seenOf(read) : [];
  const seen = read && first && seenOf(read).with(0, { ...first, value: 'of nobody' });
  return changed(history, read, seen && { seen });
};

/** One operation gets the time of another. */
const isMoved: Change = (history, random) => {
  const moved = pick(random, asked(history));
  const to = pick(random, asked(history));
  return changed(history, moved, to && { call: to.call, return: to.return });
};

/** The last version of a secret is missing in the final state. */
const isLost: Change = (history, random) => {
  const end = pick(
    random,
    history.filter((one) => isFinal(one) && one.seen.length > 0),
  );
  return changed(history, end, end && { seen: seenOf(end).slice(0, -1) });
};

/** A write that took effect is reported as failed or unclear. */
const isDenied: Change = (history, random) => {
  const writes = done(history).filter(({ kind }) => ['create', 'update', 'env'].includes(kind));
  const outcome = random() < 0.5 ? 'nothing' : 'unknown';
  return changed(history, pick(random, writes), { outcome, version: undefined, seen: undefined });
};

/** A write without effect is reported as done. */
const isInvented: Change = (history, random) => {
  const refused = asked(history).filter(
    ({ kind, outcome }) => (kind === 'create' || kind === 'update') && outcome !== 'done',
  );
  const one = pick(random, refused);
  const version = one?.kind === 'update' ? versionsOf(history, one.name).length + 1 : 1;
  return changed(history, one, { outcome: 'done', version, current: undefined, names: undefined });
};

/** An update is told the version of another update. */
const isGivenTwice: Change = (history, random) => {
  const updates = done(history).filter(({ kind }) => kind === 'update');
  const one = pick(random, updates);
  const other = pick(
    random,
    updates.filter((update) => update !== one),
  );
  const version = other && 'version' in other ? other.version : undefined;
  return changed(history, one, version === undefined ? undefined : { version });
};

/** A new read finds nothing, at the time of another operation. */
const isMissed: Change = (history, random) => {
  const end = pick(random, history.filter(isFinal));
  const at = pick(random, asked(history));
  if (!end || !at) return undefined;
  const missed = { kind: 'get', name: end.name, outcome: 'missing' } as const;
  return [...history, { client: history.length, call: at.call, return: at.return, ...missed }];
};

/** A new create is refused, at the time of another operation. */
const isSaidToExist: Change = (history, random) => {
  const end = pick(random, history.filter(isFinal));
  const at = pick(random, asked(history));
  if (!end || !at) return undefined;
  const told = { kind: 'create', name: end.name, value: 'of nobody', outcome: 'exists' } as const;
  return [...history, { client: history.length, call: at.call, return: at.return, ...told }];
};

/** A new read finds or misses a version by its number, at the time of another operation. */
const isAskedByNumber: Change = (history, random) => {
  const end = pick(random, history.filter(isFinal));
  const at = pick(random, asked(history));
  if (!end || !at) return undefined;
  const wanted = 1 + intBelow(random, end.seen.length + 1);
  const seen = end.seen.slice(wanted - 1, wanted);
  const told =
    seen.length > 0 && random() < 0.5 ? { outcome: 'done', seen } : { outcome: 'missing' };
  const ofVersion = { kind: 'version', name: end.name, wanted, ...told } as const;
  const instants = { client: history.length, call: at.call, return: at.return };
  return [...history, { ...instants, ...ofVersion } as Recorded];
};

const isToldAnotherNumber: Change = (history, random) => {
  const refused = pick(
    random,
    asked(history).filter(({ outcome }) => outcome === 'conflict'),
  );
  return changed(history, refused, { current: 1 + intBelow(random, 5) });
};

/** The refusal of a file names one more or one fewer name. */
const hasAnotherReason: Change = (history, random) => {
  const refused = asked(history).flatMap((one) =>
    one.kind === 'env' && (one.outcome === 'exists' || one.outcome === 'missing') ? [one] : [],
  );
  const one = pick(random, refused);
  const { creates = [], reads = [], names = [] } = one ?? {};
  const all = one?.outcome === 'exists' ? creates.map(({ name }) => name) : reads;
  const name = pick(random, all);
  const others = names.filter((other) => other !== name);
  const isNamed = others.length < names.length;
  return changed(
    history,
    one,
    name === undefined ? undefined : { names: isNamed ? others : [...names, name] },
  );
};

/** A list of versions lacks the latest one. */
const seesAnEarlierPage: Change = (history, random) => {
  const lists = done(history).filter((one) => one.kind === 'versions' && seenOf(one).length > 1);
  const one = pick(random, lists);
  return changed(history, one, one && { seen: seenOf(one).slice(1) });
};

/** The changes by their descriptions. */
export const changes: Readonly<Record<string, Change>> = {
  'a reader sees another version': seesAnother,
  'a reader sees a value that nobody wrote': seesWhatNobodyWrote,
  'a reader sees an earlier page': seesAnEarlierPage,
  'an operation has another time': isMoved,
  'the last version is missing': isLost,
  'a stored write is reported as failed': isDenied,
  'a refused write is reported as done': isInvented,
  'two updates get the same version': isGivenTwice,
  'a reader finds nothing': isMissed,
  'a create reports an existing name': isSaidToExist,
  'a version is read by its number': isAskedByNumber,
  'a conflict reports another number': isToldAnotherNumber,
  'a file is refused for other names': hasAnotherReason,
};

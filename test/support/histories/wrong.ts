/** Ways to make a right history wrong, or nearly so: each changes one operation, or one that is not there is added. */
import type { Recorded } from '../../chaos/history.ts';
import { intBelow, type Random } from '../adversary/random.ts';

type History = readonly Recorded[];
/** `undefined`: the history holds nothing that this could be done to. */
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

/** The history with one of its operations changed. */
const changed = (
  history: History,
  operation: Recorded | undefined,
  change: object | undefined,
): History | undefined =>
  operation && change
    ? history.map((one) => (one === operation ? ({ ...one, ...change } as Recorded) : one))
    : undefined;

const seenOf = (one: Recorded) => ('seen' in one && one.seen ? one.seen : []);

/** One of the versions that a reply showed is another of the same secret. */
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

/** What one asked for at one time it asked for at another. */
const isMoved: Change = (history, random) => {
  const moved = pick(random, asked(history));
  const to = pick(random, asked(history));
  return changed(history, moved, to && { call: to.call, return: to.return });
};

/** The last version of a secret is not there in the end. */
const isLost: Change = (history, random) => {
  const end = pick(
    random,
    history.filter((one) => isFinal(one) && one.seen.length > 0),
  );
  return changed(history, end, end && { seen: seenOf(end).slice(0, -1) });
};

/** A write that took place is said to have had no effect, or to be in the dark. */
const isDenied: Change = (history, random) => {
  const writes = done(history).filter(({ kind }) => ['create', 'update', 'env'].includes(kind));
  const outcome = random() < 0.5 ? 'nothing' : 'unknown';
  return changed(history, pick(random, writes), { outcome, version: undefined, seen: undefined });
};

/** A write that had no effect is said to have had one. */
const isInvented: Change = (history, random) => {
  const refused = asked(history).filter(
    ({ kind, outcome }) => (kind === 'create' || kind === 'update') && outcome !== 'done',
  );
  const one = pick(random, refused);
  const version = one?.kind === 'update' ? versionsOf(history, one.name).length + 1 : 1;
  return changed(history, one, { outcome: 'done', version, current: undefined, names: undefined });
};

/** An update is told of the version that another one made. */
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

/** A reader finds nothing, at a time at which others asked. */
const isMissed: Change = (history, random) => {
  const end = pick(random, history.filter(isFinal));
  const at = pick(random, asked(history));
  if (!end || !at) return undefined;
  const missed = { kind: 'get', name: end.name, outcome: 'missing' } as const;
  return [...history, { client: history.length, call: at.call, return: at.return, ...missed }];
};

/** A create is refused, at a time at which others asked. */
const isSaidToExist: Change = (history, random) => {
  const end = pick(random, history.filter(isFinal));
  const at = pick(random, asked(history));
  if (!end || !at) return undefined;
  const told = { kind: 'create', name: end.name, value: 'of nobody', outcome: 'exists' } as const;
  return [...history, { client: history.length, call: at.call, return: at.return, ...told }];
};

/** A reader finds a version by its number, or does not, at a time at which others asked. */
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

/** Of a file that was refused, one name more or less is given as the reason. */
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

/** A reader lists what are not the last versions. */
const seesAnEarlierPage: Change = (history, random) => {
  const lists = done(history).filter((one) => one.kind === 'versions' && seenOf(one).length > 1);
  const one = pick(random, lists);
  return changed(history, one, one && { seen: seenOf(one).slice(1) });
};

/** By what they make of a history. */
export const changes: Readonly<Record<string, Change>> = {
  'a reader sees another version': seesAnother,
  'a reader sees what nobody wrote': seesWhatNobodyWrote,
  'a reader sees an earlier page': seesAnEarlierPage,
  'an operation is at another time': isMoved,
  'the last version is lost': isLost,
  'a write that stands is denied': isDenied,
  'a write that was refused is told as done': isInvented,
  'two are given one version': isGivenTwice,
  'a reader finds nothing': isMissed,
  'a create is refused': isSaidToExist,
  'a version is asked for by its number': isAskedByNumber,
  'a conflict tells another number': isToldAnotherNumber,
  'a file has another reason': hasAnotherReason,
};

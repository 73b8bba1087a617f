/** Finds the writes and reads of one operation of a history, compared with the final state. */
import type { Recorded } from '../../cluster/chaos/history.ts';

/** All versions of each secret in the final state, the first at index 0. */
export type Standing = ReadonlyMap<string, readonly string[]>;

/** A version of a secret; 0 means that the secret did not exist. */
type Version = { readonly name: string; readonly version: number };

export type Observed = {
  /** Whether the operation took effect, or reports a state at some instant. */
  readonly isThere: boolean;
  readonly writes: readonly Version[];
  /** The current versions at its instant. */
  readonly views: readonly Version[];
  /** Versions that existed at its instant, perhaps with later ones, and versions that did not. */
  readonly laterThan: readonly Version[];
  readonly earlierThan: readonly Version[];
  readonly problems: readonly string[];
};

const nothing: Observed = {
  isThere: false,
  writes: [],
  views: [],
  laterThan: [],
  earlierThan: [],
  problems: [],
};
/** The number of versions in a page with values. */
const versionsPage = 10;

const isPresent = (name: string): Version => ({ name, version: 1 });
const isAbsent = (name: string): Version => ({ name, version: 0 });

type Wanted = { readonly name: string; readonly value: string };
const wantedBy = (operation: Recorded): readonly Wanted[] => {
  if (operation.kind === 'env') return operation.creates;
  return operation.kind === 'create' || operation.kind === 'update' ? [operation] : [];
};

export const observe = (operation: Recorded, stands: Standing): Observed => {
  const wanted = wantedBy(operation);
  const standing = wanted.flatMap(({ name, value }) => {
    const version = 1 + (stands.get(name) ?? []).indexOf(value);
    return version > 0 ? [{ name, version }] : [];
  });
  switch (operation.outcome) {
    case 'nothing':
      return { ...nothing, problems: standing.length > 0 ? ['stands all the same'] : [] };
    case 'unknown': {
      if (standing.length === 0) return nothing;
      const isWhole = standing.length === wanted.length;
      const problems = isWhole ? [] : ['half of it stands'];
      return { ...nothing, isThere: true, writes: standing, problems };
    }
    case 'done':
      return observeDone(operation, wanted, standing, stands);
    default: {
      const refused = observeRefused(operation);
      // An earlier attempt may take effect after the refusal, but it had not before.
      return { ...refused, earlierThan: [...refused.earlierThan, ...standing] };
    }
  }
};

type Done = Extract<Recorded, { outcome: 'done' }>;

const observeDone = (
  operation: Done,
  wanted: readonly Wanted[],
  standing: readonly Version[],
  stands: Standing,
): Observed => {
  const problems: string[] = [];
  const require = (holds: boolean, problem: string) => {
    if (!holds) problems.push(problem);
  };
  const seen = ('seen' in operation && operation.seen) || [];
  for (const { name, version, value } of seen) {
    require(stands.get(name)?.[version - 1] === value, `${name} ${version} never was ${value}`);
  }
  require(standing.length === wanted.length, 'does not stand, or not all of it');
  const [first] = standing;
  const top = Math.max(0, ...seen.map(({ version }) => version));
  const told = 'version' in operation ? operation.version : undefined;
  switch (operation.kind) {
    case 'create':
      require(told === 1 && first?.version === 1, 'was not told of its first version');
      break;
    case 'update':
      require(told === first?.version && (told ?? 0) > 1, 'was not told of its own version');
      require(!operation.ifMatch || told === operation.ifMatch + 1, 'does not follow what it must');
      break;
    case 'env':
      require(standing.every(({ version }) => version === 1), 'wrote other than first versions');
      require(seen.map(({ name }) => name).join() === operation.reads.join(), 'saw other names');
      break;
    case 'get':
      require(seen.length === 1, 'saw no version');
      break;
    case 'versions':
      require(top > 0 &&
        seen.length === Math.min(top, versionsPage) &&
        seen.every(
          ({ version }, index) => version === top - index,
        ), 'saw other than the last versions');
      break;
    case 'version':
      require(seen.length === 1 && top === operation.wanted, 'saw another version');
      break;
    case 'final':
      break;
  }
  if (operation.kind === 'version') {
    return {
      ...nothing,
      isThere: true,
      laterThan: [{ name: operation.name, version: top }],
      problems,
    };
  }
  const views = operation.kind === 'env' ? seen : viewOfOne(operation, top);
  return { ...nothing, isThere: true, writes: standing, views, problems };
};

const viewOfOne = (
  { kind, name }: Exclude<Done, { kind: 'env' }>,
  version: number,
): readonly Version[] => (kind === 'create' || kind === 'update' ? [] : [{ name, version }]);

type Refused = Extract<Recorded, { outcome: 'exists' | 'missing' | 'conflict' }>;

const observeRefused = (operation: Refused): Observed => {
  if (operation.outcome === 'conflict') {
    const { current } = operation;
    const isReason = operation.kind === 'update' && current > 0 && current !== operation.ifMatch;
    const views = operation.kind === 'update' ? [{ name: operation.name, version: current }] : [];
    return { ...nothing, isThere: true, views, problems: isReason ? [] : ['had no reason'] };
  }
  if (operation.kind === 'version') {
    const wanted = { name: operation.name, version: operation.wanted };
    return { ...nothing, isThere: true, earlierThan: [wanted] };
  }
  if (operation.kind !== 'env') {
    const { name } = operation;
    return operation.outcome === 'missing'
      ? { ...nothing, isThere: true, views: [isAbsent(name)] }
      : { ...nothing, isThere: true, laterThan: [isPresent(name)] };
  }
  const told = new Set(operation.names);
  const creates = operation.creates.map(({ name }) => name);
  const asked = operation.outcome === 'exists' ? creates : operation.reads;
  const isReason = told.size > 0 && [...told].every((name) => asked.includes(name));
  const others = asked.filter((name) => !told.has(name));
  const [present, absent] =
    operation.outcome === 'exists' ? [[...told], others] : [others, [...told, ...creates]];
  return {
    ...nothing,
    isThere: true,
    views: absent.map(isAbsent),
    laterThan: present.map(isPresent),
    problems: isReason ? [] : ['had no reason'],
  };
};

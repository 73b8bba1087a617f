/**
 * Whether a history could have happened one request after another, each at an instant between its
 * beginning and its end. The versions of a secret are its writes in order, so nothing needs to be searched
 * for: every version that is told must be the one that was written under that number, and no two requests
 * of which one ended before the other began may tell of versions in the other order.
 */
import type { Entry, FinalState, Seen, Stored } from './history.ts';

/** These say that nothing was written. */
const nothingWritten = new Set([
  'secret_exists',
  'not_found',
  'version_conflict',
  'throttled',
  'store_unavailable',
  'master_key_unavailable',
  'master_key_incorrect',
  'idempotency_key_reused',
]);
const unknown = new Set(['outcome_unknown', 'died']);
const codeOf = ({ told }: Entry): string => (told.kind === 'refused' ? told.code : told.kind);

/** One instant's view of one secret: the version that was current somewhere between the two events. */
type View = { readonly began: number; readonly ended: number; readonly version: number };

/** All that is wrong with a history, one sentence each; nothing if it is right. */
export const checkHistory = (history: readonly Entry[], final: FinalState): readonly string[] => {
  const names = new Set(history.flatMap((entry) => entry.names));
  return [
    ...[...final].flatMap(([name, versions]) => checkVersions(name, versions)),
    ...checkEffects(history, final),
    ...history.flatMap((entry) => checkTold(entry, final)),
    ...[...names].flatMap((name) => checkOrder(name, history, final.get(name) ?? [])),
    ...checkSnapshots(history),
  ];
};

/** Dense and unique from 1; the intervals tile; a value stands once. */
const checkVersions = (name: string, versions: readonly Stored[]): readonly string[] =>
  versions.flatMap(({ version, validFrom, validTo }, index) => {
    const next = versions[index + 1];
    return [
      ...(version === index + 1 ? [] : [`${name}: version ${version} stands at ${index + 1}`]),
      ...(validTo === next?.validFrom ? [] : [`${name}: version ${version} does not tile`]),
      ...(validTo === undefined || validTo > validFrom ? [] : [`${name}: ${version} is empty`]),
    ];
  });

/** A request is one or several tries with one value: stored where one was answered, never more than once. */
const checkEffects = (history: readonly Entry[], final: FinalState): readonly string[] => {
  const tries = Map.groupBy(
    history.filter(({ value }) => value !== undefined),
    ({ value }) => value,
  );
  return [...tries.values()].flatMap((entries) => {
    const [first] = entries;
    if (!first) return [];
    const effects = first.names.map(
      (name) => (final.get(name) ?? []).filter(({ value }) => value === first.value).length,
    );
    const codes = entries.map(codeOf);
    const allowed = codes.includes('answered')
      ? [1]
      : codes.some((code) => unknown.has(code))
        ? [0, 1]
        : [0];
    const isWhole = new Set(effects).size === 1 && allowed.includes(effects[0] ?? 0);
    const about = `${first.operation} of ${first.names.join()} told ${codes.join()}`;
    return isWhole ? [] : [`${about}: has ${effects.join()} effects`];
  });
};

/** What one reply tells is what is stored, and a refusal has its reason. */
const checkTold = (entry: Entry, final: FinalState): readonly string[] => {
  const { told, operation, names, value, ifMatch } = entry;
  const about = `${operation} of ${names.join()} told ${JSON.stringify(told)}`;
  if (told.kind === 'died') return [];
  if (told.kind === 'refused') {
    const isKnown = nothingWritten.has(told.code) || unknown.has(told.code);
    const isOwn = told.code === 'version_conflict' && told.currentVersion === ifMatch;
    return isKnown && !isOwn ? [] : [`${about}: no reason`];
  }
  const storedOf = ({ name, version }: { name: string; version: number }): Stored | undefined =>
    final.get(name)?.[version - 1];
  return [
    ...told.written.flatMap((ref) =>
      storedOf(ref)?.value === value ? [] : [`${about}: ${ref.name} ${ref.version} is another's`],
    ),
    ...told.seen.flatMap((seen) =>
      seen.version === 0 || isTrue(seen, storedOf(seen), told.at)
        ? []
        : [`${about}: ${seen.name} ${seen.version} was never so`],
    ),
  ];
};

/** An interval that was told as ended has ended there; one that was told as open may have ended since. */
const isTrue = (seen: Seen, stored: Stored | undefined, at: number | undefined): boolean =>
  stored !== undefined &&
  (seen.value === undefined || seen.value === stored.value) &&
  (typeof seen.validTo !== 'number' || seen.validTo === stored.validTo) &&
  (at === undefined || stored.validFrom <= at) &&
  (at === undefined || typeof seen.validTo !== 'number' || at < seen.validTo);

/** When each version was written at the earliest and at the latest: some try of it took effect between. */
const writesOf = (name: string, history: readonly Entry[], versions: readonly Stored[]): View[] =>
  versions.map(({ version, value }) => {
    const tries = history.filter((entry) => entry.value === value && entry.names.includes(name));
    const answered = tries.filter(({ told }) => told.kind === 'answered');
    return {
      version,
      began: Math.min(...tries.map(({ began }) => began)),
      ended: Math.min(Infinity, ...answered.map(({ ended }) => ended)),
    };
  });

/** What was told of the current version of a secret. */
const readsOf = (name: string, history: readonly Entry[]): View[] =>
  history.flatMap(({ began, ended, told, isSnapshot, names }) => {
    if (told.kind === 'refused' && told.code === 'version_conflict') {
      return [{ began, ended, version: told.currentVersion ?? 0 }];
    }
    if (told.kind === 'refused' && told.code === 'not_found' && names.length === 1) {
      return isSnapshot ? [{ began, ended, version: 0 }] : [];
    }
    if (told.kind !== 'answered' || !isSnapshot) return [];
    return told.seen
      .filter((seen) => seen.name === name)
      .map(({ version }) => ({ began, ended, version }));
  });

/** Real-time order: who began after another ended tells of no older version, and a write of a newer one. */
const checkOrder = (
  name: string,
  history: readonly Entry[],
  versions: readonly Stored[],
): readonly string[] => {
  const mine = history.filter((entry) => entry.names.includes(name));
  const writes = writesOf(name, mine, versions);
  const reads = readsOf(name, mine);
  const problems: string[] = [];
  for (const write of writes) {
    for (const other of writes) {
      if (write.ended < other.began && write.version >= other.version) {
        problems.push(
          `${name}: version ${other.version} was begun after ${write.version} had ended`,
        );
      }
    }
    for (const read of reads) {
      if (write.ended < read.began && read.version < write.version) {
        problems.push(`${name}: ${read.version} was read after ${write.version} was written`);
      }
      if (read.ended < write.began && read.version >= write.version) {
        problems.push(`${name}: ${read.version} was read before ${write.version} was begun`);
      }
    }
  }
  for (const read of reads) {
    for (const later of reads) {
      if (read.ended < later.began && later.version < read.version) {
        problems.push(`${name}: ${later.version} was read after ${read.version}`);
      }
    }
    if (read.version > versions.length) problems.push(`${name}: ${read.version} was never written`);
  }
  const first = writes[0];
  for (const { began, ended, told, creates, asksForPast, names } of mine) {
    if (told.kind !== 'refused' || names.length !== 1) continue;
    if (creates && told.code === 'secret_exists' && !(first && first.began < ended)) {
      problems.push(`${name}: was said to exist before it was begun`);
    }
    if (!creates && !asksForPast && told.code === 'not_found' && first && first.ended < began) {
      problems.push(`${name}: was not found after it was written`);
    }
  }
  return problems;
};

/** Two snapshots of the same names: one is nowhere older than the other. */
const checkSnapshots = (history: readonly Entry[]): readonly string[] => {
  const snapshots = history.flatMap(({ told, isSnapshot, names }) =>
    isSnapshot && told.kind === 'answered' && names.length > 1
      ? [new Map(told.seen.map(({ name, version }) => [name, version]))]
      : [],
  );
  return snapshots.flatMap((one, index) =>
    snapshots.slice(index + 1).flatMap((other) => {
      const differences = [...one].flatMap(([name, version]) => {
        const otherVersion = other.get(name);
        return otherVersion === undefined ? [] : [Math.sign(version - otherVersion)];
      });
      const isTorn = differences.includes(1) && differences.includes(-1);
      return isTorn ? [`two snapshots contradict each other: ${[...one]} and ${[...other]}`] : [];
    }),
  );
};

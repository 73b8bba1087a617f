/** Converts the history of a simulation into the form that the checker of test/cluster/chaos reads. */
import type {
  Answer as AnswerThere,
  Observation as ObservationThere,
  Recorded,
} from '../../cluster/chaos/history.ts';
import { type Entry, type FinalState, type Observation, writeIdOf } from './history.ts';

/**
 * One operation for each request, however often it was attempted, and a final read of the versions of every secret.
 */
export const recordedOf = (history: readonly Entry[], final: FinalState): readonly Recorded[] => {
  const tries = Map.groupBy(history, (entry) => entry.value ?? entry);
  const operations = [...tries.values()].flatMap(operationsOf);
  const copies = new Map(
    history.flatMap(({ operation, began, value }) =>
      operation === 'copy-secret' ? [[writeIdOf(began), value]] : [],
    ),
  );
  const end = Math.max(0, ...history.map(({ ended }) => ended));
  const read = [...final].map(([name, versions]): Recorded => {
    const seen = versions.flatMap((version) => {
      const copy = copies.get(version.writeId);
      return seenOf([{ ...version, name }]).map((one) => ({ ...one, ...(copy && { copy }) }));
    });
    return {
      client: 0,
      call: end + 1,
      return: end + 2,
      kind: 'final',
      name,
      outcome: 'done',
      seen,
    };
  });
  // Each operation has its own client, because nothing is known about who sent what.
  return [...operations, ...read].map((operation, client) => ({ ...operation, client }));
};

/** The operations with another name for each secret, so that one history can hold several worlds. */
export const inWorld = (world: number, operations: readonly Recorded[]): readonly Recorded[] => {
  const renamed = (key: string, value: unknown): unknown => {
    if (key === 'name') return `${world}/${value}`;
    if (key !== 'names' && key !== 'reads') return value;
    return Array.isArray(value) ? value.map((name) => `${world}/${name}`) : value;
  };
  return operations.map((operation) => JSON.parse(JSON.stringify(operation, renamed)));
};

type Try = { readonly entry: Entry; readonly told: AnswerThere };

/** An answer concerns all attempts. A refusal concerns only its own attempt if earlier ones are unclear. */
const operationsOf = (entries: readonly Entry[]): readonly Recorded[] => {
  const tries = entries.map((entry) => ({ entry, told: toldOf(entry) }));
  const [first] = tries;
  if (!first) return [];
  // A write takes effect once the store has applied it, and not before.
  const called = entries.find(({ applied }) => applied)?.applied ?? first.entry.began;
  const answered = tries.find(({ told }) => told.outcome === 'done');
  if (answered) return recorded(called, answered);
  const unclear = tries.filter(({ told }) => told.outcome === 'unknown');
  const refused = tries.filter(
    ({ told }) => told.outcome !== 'unknown' && told.outcome !== 'nothing',
  );
  const others = unclear.length + refused.length > 0 ? refused : tries;
  const last = unclear.at(-1);
  return [
    ...(last ? recorded(called, last) : []),
    ...others.flatMap((one) => recorded(one.entry.began, one)),
  ];
};

const toldOf = ({ operation, told, names, reads }: Entry): AnswerThere => {
  if (told.kind === 'died') return { outcome: 'unknown' };
  if (told.kind === 'answered') {
    const versions = told.written.map(({ version }) => version);
    const [version] = versions;
    const written = version !== undefined && { version, versions };
    return { outcome: 'done', ...written, seen: seenOf(told.seen) };
  }
  const which = { names: [...new Set(told.names ?? (reads ? reads : names))] };
  if (told.code === 'secret_exists') return { outcome: 'exists', ...which };
  if (told.code === 'not_found') return { outcome: 'missing', ...which };
  if (told.code === 'version_conflict') {
    return { outcome: 'conflict', current: told.currentVersion ?? 0 };
  }
  if (told.code === 'version_current') return { outcome: 'current' };
  if (told.code === 'not_destroyable') return { outcome: 'empty' };
  if (told.code === 'version_destroyed') {
    // A repeated file took effect, but a version that it read was destroyed since.
    return { outcome: operation === 'submit-env' ? 'unknown' : 'destroyed' };
  }
  if (told.code === 'outcome_unknown') return { outcome: 'unknown' };
  return { outcome: 'nothing' };
};

const seenOf = (seen: readonly Observation[]): readonly ObservationThere[] =>
  seen.map(({ name, version, value = '', state }) => ({
    name,
    version,
    value,
    ...(state && { state }),
  }));

/** Reads as of an instant and lists from the beginning are left out, because they prove no instant. */
export const isRecorded = (operation: string): boolean =>
  !['get-secret at an instant', 'list-versions, asc'].includes(operation);

type Loose = { names?: unknown; version?: unknown; versions?: unknown };

const recorded = (call: number, { entry, told }: Try): readonly Recorded[] => {
  const { operation, names, reads = [], next, value = '', ifMatch, wanted, ended } = entry;
  // A write that nobody was told of may be applied after its last attempt has ended.
  const until = told.outcome === 'unknown' ? Math.max(call, ended) : ended;
  const instants = { client: 0, call, return: until };
  const [name = ''] = names;
  const { names: _, versions: __, ...plain } = told as Loose & AnswerThere;
  if (!isRecorded(operation)) return [];
  switch (operation) {
    case 'create-secret':
      return [{ ...instants, kind: 'create', name, value, ...plain }];
    case 'update-secret':
      return [{ ...instants, kind: 'update', name, value, ...(ifMatch && { ifMatch }), ...plain }];
    case 'delete-secret':
      return [{ ...instants, kind: 'delete', name, value, ...(ifMatch && { ifMatch }), ...plain }];
    case 'copy-secret': {
      const options = {
        ...(next && { next }),
        ...(ifMatch && { ifMatch }),
        ...(wanted && { wanted }),
      };
      return [{ ...instants, kind: 'copy', name, value, reads, ...options, ...plain }];
    }
    case 'destroy-version':
      return [{ ...instants, kind: 'destroy', name, wanted: wanted ?? 0, ...plain }];
    case 'list-secrets, stored':
    case 'list-secrets, deleted': {
      // The details of several names are of several instants.
      const state = operation === 'list-secrets, stored' ? 'stored' : 'deleted';
      const seen = plain.outcome === 'done' ? (plain.seen ?? []) : [];
      return seen.map((one) => ({
        ...instants,
        kind: 'list',
        reads: [one.name],
        state,
        outcome: 'done',
        seen: [one],
      }));
    }
    case 'get-secret':
      return [{ ...instants, kind: 'get', name, ...plain }];
    case 'get-secret by version':
      return [{ ...instants, kind: 'version', name, wanted: wanted ?? 0, ...plain }];
    case 'list-versions, desc':
      return [{ ...instants, kind: 'versions', name, ...plain }];
    case 'encrypt-env':
    case 'submit-env':
    case 'expand-env': {
      const creates = names.map((one) => ({ name: one, value }));
      const { version: _version, ...ofFile } = told as Loose & AnswerThere;
      return [{ ...instants, kind: 'env', creates, reads, ...(next && { next }), ...ofFile }];
    }
    default:
      throw new Error(`no operation of a simulated client: ${operation}`);
  }
};

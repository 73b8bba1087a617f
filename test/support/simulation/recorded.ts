/** Combines the attempts of a simulation into operations for the checker of test/cluster/chaos. */
import type { Observation, Recorded } from '../../cluster/chaos/history.ts';
import { type Entry, type FinalState, writeIdOf } from './history.ts';

/**
 * Returns one operation for each request, however often it was attempted, and a final read of all
 * versions of every secret.
 */
export const recordedOf = (history: readonly Entry[], final: FinalState): readonly Recorded[] => {
  const timed = history.filter(({ isTimeless }) => !isTimeless);
  const operations = [...Map.groupBy(timed, ({ request }) => request).values()].flatMap(
    operationsOf,
  );
  const copies = new Map(
    history.flatMap(({ asked, began }) =>
      asked.kind === 'copy' ? [[writeIdOf(began), asked.value]] : [],
    ),
  );
  const end = Math.max(0, ...history.map(({ ended }) => ended));
  const read = [...final].map(([name, versions]): Recorded => {
    const seen = versions.map((version) => {
      const copy = copies.get(version.writeId);
      return { ...withoutInterval(version), ...(copy && { copy }) };
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
  // It does not matter who sent what, so each operation gets a client of its own.
  return [...operations, ...read].map((operation, client) => ({ ...operation, client }));
};

/**
 * Returns the operations for the attempts of one request. A successful answer holds for all of
 * them. If other attempts are unclear, a refusal holds only for its own attempt.
 */
const operationsOf = (tries: readonly Entry[]): readonly Recorded[] => {
  const [first] = tries;
  if (!first) return [];
  // A write takes effect when the store applies it, and not earlier.
  const called = tries.find(({ applied }) => applied)?.applied ?? first.began;
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
    ...others.flatMap((one) => recorded(one.began, one)),
  ];
};

const recorded = (call: number, { asked, told, ended }: Entry): readonly Recorded[] => {
  // A write with an unknown outcome may be applied after its last attempt has ended.
  const until = told.outcome === 'unknown' ? Math.max(call, ended) : ended;
  const line = { client: 0, call, return: until, ...asked };
  if (told.outcome !== 'done') return [{ ...line, ...told }];
  const seen = told.seen.map(withoutInterval);
  // A list with several names becomes one read for each, because their details may have been read
  // at different times.
  return line.kind === 'list'
    ? seen.map((one) => ({ ...line, ...told, reads: [one.name], seen: [one] }))
    : [{ ...line, ...told, seen }];
};

const withoutInterval = ({ name, version, value, state }: Observation): Observation => ({
  name,
  version,
  value,
  ...(state && { state }),
});

/**
 * A second judge of histories, written apart from Porcupine and by another way. The versions of a secret as they stand
 * in the end tell the order of its writes, and no two writes have one value, so nothing need be searched for: what came
 * before what is a graph of the operations, and the history could have been if and only if nothing in it comes before
 * itself.
 */
import type { Recorded } from '../../chaos/history.ts';
import { observe } from './observed.ts';
import { createOrder, type Order } from './order.ts';

/** All versions of each secret as they stand at the end, the first at 0. */
export type Standing = ReadonlyMap<string, readonly string[]>;

/** All that is wrong with a history, one sentence each; nothing if it could have been. */
export const findProblems = (history: readonly Recorded[]): readonly string[] => {
  const stands = new Map<string, readonly string[]>();
  const problems: string[] = [];
  for (const operation of history) {
    if (operation.kind !== 'final') continue;
    const { name, seen } = operation;
    if (seen.some(({ version }, index) => version !== index + 1)) {
      problems.push(`${name}: its versions are not numbered from 1 on`);
    }
    const values = seen.map(({ value }) => value);
    if (values.length >= (stands.get(name)?.length ?? 0)) stands.set(name, values);
  }
  for (const name of new Set(history.flatMap(namesOf))) {
    if (!stands.has(name)) problems.push(`${name}: was not read at the end`);
  }
  const order = createOrder(history.length);
  const writers = new Map<string, number>();
  const observed = history.map((operation, index) => {
    const seen = observe(operation, stands);
    problems.push(...seen.problems.map((problem) => `${describe(operation)}: ${problem}`));
    for (const { name, version } of seen.writes) {
      const place = `${name} ${version}`;
      if (writers.has(place)) problems.push(`${place} was written twice`);
      writers.set(place, index);
    }
    return seen;
  });
  const writerOf = (name: string, version: number): number | undefined =>
    writers.get(`${name} ${version}`);
  problems.push(...orderWrites(order, stands, writerOf));
  for (const [index, { isThere, views, laterThan, earlierThan }] of observed.entries()) {
    if (!isThere) continue;
    const operation = history[index];
    if (operation) order.lasts(index, operation.call, lastInstantOf(operation));
    for (const { name, version } of [...views, ...laterThan]) {
      if (version > (stands.get(name)?.length ?? 0)) problems.push(`${name} ${version} never was`);
    }
    for (const { name, version } of views) {
      order.before(writerOf(name, version), index);
      order.before(index, writerOf(name, version + 1));
    }
    for (const { name, version } of laterThan) order.before(writerOf(name, version), index);
    for (const { name, version } of earlierThan) order.before(index, writerOf(name, version));
  }
  const circle = order.findCircle().flatMap((index) => history[index] ?? []);
  if (circle.length > 0) problems.push(`no order fits: ${circle.map(describe).join(' | ')}`);
  return problems;
};

/** The writes of a secret one after the other, each by somebody. */
const orderWrites = (
  order: Order,
  stands: Standing,
  writerOf: (name: string, version: number) => number | undefined,
): readonly string[] =>
  [...stands].flatMap(([name, values]) =>
    values.flatMap((_, index) => {
      const writer = writerOf(name, index + 1);
      order.before(writer, writerOf(name, index + 2));
      return writer === undefined ? [`${name}: nobody wrote version ${index + 1}`] : [];
    }),
  );

/** What nobody was told the end of may take place whenever. */
const lastInstantOf = (operation: Recorded): number =>
  operation.outcome === 'unknown' ? Infinity : operation.return;

const namesOf = (operation: Recorded): readonly string[] =>
  operation.kind === 'env'
    ? [...operation.reads, ...operation.creates.map(({ name }) => name)]
    : [operation.name];

const describe = (operation: Recorded): string =>
  `${operation.kind} of ${namesOf(operation).join()} (${operation.outcome})`;

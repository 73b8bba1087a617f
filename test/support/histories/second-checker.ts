/**
 * A second checker of histories, independent of Porcupine and with another method. The final versions of a secret show
 * the order of its writes, and no two writes have the same value, so no search is needed. The known order of operations
 * forms a graph, and the history is linearizable if and only if the graph has no cycle.
 */
import type { Recorded } from '../../cluster/chaos/history.ts';
import { observe, type Standing } from './observed.ts';
import { createOrder, type Order } from './order.ts';

/** The faults of a history, one sentence each; empty if it is linearizable. */
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

/** Orders the writes of a secret. Each version must have a writer. */
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

/** An operation with an unknown outcome may take effect at any later time. */
const lastInstantOf = (operation: Recorded): number =>
  operation.outcome === 'unknown' ? Infinity : operation.return;

const namesOf = (operation: Recorded): readonly string[] =>
  operation.kind === 'env'
    ? [...operation.reads, ...operation.creates.map(({ name }) => name)]
    : [operation.name];

const describe = (operation: Recorded): string =>
  `${operation.kind} of ${namesOf(operation).join()} (${operation.outcome})`;

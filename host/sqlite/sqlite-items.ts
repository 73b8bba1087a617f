/**
 * The items in SQLite for one request. Reads do not queue behind writes; writes go through the
 * writer.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { times } from '../../functions/model/limits.ts';
import { isAsExpected } from '../../functions/store/expected.ts';
import { type Item, indexPartition } from '../../functions/store/items.ts';
import { type Guard, type ItemsOf, type Judged, NotSent } from '../../functions/store/ports.ts';
import { type Counted, callStore, whenAborted } from '../../functions/store/store-call.ts';
import { unitsOf } from '../../functions/store/units.ts';
import { limitCall } from '../../functions/vault/retries.ts';
import { parseAttributes, parseItem } from './rows.ts';
import type { Statements } from './statements.ts';
import type { Step, Writer } from './writer.ts';

const lengthOf = (texts: readonly (string | undefined)[]): number =>
  texts.reduce((sum, text = '') => sum + text.length, 0);

/** Decoding yields to other requests after this time. */
const turnMs = 5;

const parseAll = async (
  texts: readonly (string | undefined)[],
  only?: readonly string[],
): Promise<readonly (Item | undefined)[]> => {
  const items: (Item | undefined)[] = [];
  let until = performance.now() + turnMs;
  for (const text of texts) {
    items.push(text === undefined ? undefined : parseItem(text, only));
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + turnMs;
  }
  return items;
};

/** Puts the items of a write if all of its guards hold. Runs inside the transaction of a group. */
export const judgeAndPut = (
  statements: Statements,
  guards: readonly Guard[],
): Step<'written' | readonly Judged[]> => {
  const texts = guards.map(({ key }) => statements.find(key));
  const found = texts.map((text) => (text === undefined ? undefined : parseAttributes(text)));
  const holds = guards.map(({ expected }, index) => isAsExpected(expected, found[index]));
  if (holds.includes(false)) {
    const result = holds.map((held, index): Judged => {
      const text = texts[index];
      return held
        ? { is: 'held' }
        : { is: 'failed', item: text === undefined ? text : parseItem(text) };
    });
    return { result, bytes: 0, changed: [] };
  }
  let bytes = 0;
  for (const [index, { key, put }] of guards.entries()) {
    if (put) bytes += statements.put(key, put, found[index]);
  }
  return {
    result: 'written',
    bytes,
    changed: guards.flatMap(({ key, put }) => (put ? key.pk : [])),
  };
};

/**
 * Creates the items in SQLite. `checkFile` throws if the file at the store's path is no longer the
 * one that is open.
 */
export const createSqliteItems =
  (statements: Statements, writer: Writer, checkFile: () => Promise<void>): ItemsOf =>
  (context) => {
    const call = <Result>(name: string, work: () => Promise<Counted<Result>>) =>
      callStore(context, name, work);

    /** Waits until everything that a read may have seen is on disk. */
    const settled = async (
      pending: Promise<void> | undefined,
      endByMs: number = times.answerByMs,
    ): Promise<void> => {
      if (pending === undefined) return;
      await limitCall(context, times.storeCallMs, endByMs, (signal) =>
        Promise.race([pending, whenAborted(signal)]),
      );
    };

    const requireOpen = (): void => {
      const ended = writer.ended();
      if (ended) throw ended;
    };

    return {
      get: (keys, { attributes } = {}) =>
        call('Get', async () => {
          requireOpen();
          // Nothing else runs in this process between these SQL statements, so they all see the
          // same state.
          const texts = keys.map(statements.find);
          await settled(writer.pendingOf(keys.map(({ pk }) => pk)));
          return { result: await parseAll(texts, attributes), units: unitsOf(lengthOf(texts)) };
        }),

      range: (pk, { from, to, order, limit }) =>
        call('Range', async () => {
          // Yields first, so that a caller who pages through a long history does not block others.
          await nextTurn();
          requireOpen();
          const texts = statements.range(pk, from, to, order, limit);
          await settled(writer.pendingOf([pk]));
          const items = await parseAll(texts);
          const result = items.filter((item) => item !== undefined);
          return { result, units: unitsOf(lengthOf(texts)) };
        }),

      names: ({ tenant, state }, { text, exact, after }, limit) =>
        call('Names', async () => {
          await nextTurn();
          requireOpen();
          const from = after === undefined ? text : `${after}\0`;
          const to = exact ? text : `${text}${afterNames}`;
          const names = statements.names(indexPartition(tenant, state), from, to, limit + 1);
          await settled(writer.pendingOf());
          const result = { names: names.slice(0, limit), more: names.length > limit };
          return { result, units: unitsOf(lengthOf(names)) };
        }),

      write: (guards) =>
        call('Write', async () => {
          let units = 1;
          const result = await limitCall(
            context,
            times.storeCallMs,
            times.attemptsEndMs,
            (signal) =>
              writer.run(() => {
                const done = judgeAndPut(statements, guards);
                units = unitsOf(done.bytes);
                return done;
              }, signal),
          );
          return { result, units };
        }),

      probe: () =>
        call('Probe', async () => {
          const ended = writer.ended();
          if (ended) throw new NotSent('unavailable', { cause: ended });
          await checkFile();
          statements.find({ pk: '', sk: '' });
          await settled(writer.pendingOf(), context.elapsed() + times.statusCallMs);
          return { result: { replicated: false }, units: 1 };
        }),
    };
  };

/** This text sorts after every name, because names are ASCII and cannot contain `~`. */
const afterNames = '~';

/** Items in SQLite, as one request reaches them: reads at once, writes through the writer. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { times } from '../../functions/model/limits.ts';
import { isAsExpected } from '../../functions/store/expected.ts';
import { type Item, indexPartition } from '../../functions/store/items.ts';
import {
  type Guard,
  type Items,
  type ItemsOf,
  type Judged,
  NotSent,
} from '../../functions/store/ports.ts';
import type { RequestContext } from '../../functions/vault/request.ts';
import { limitCall } from '../../functions/vault/retries.ts';
import { parseAttributes, parseItem } from './rows.ts';
import type { Statements } from './statements.ts';
import type { Step, Writer } from './writer.ts';

/** What a read found, and the length of what it read. */
type Found<Result> = { readonly result: Result; readonly units: number };

/** SQLite bills nothing: a unit stands for 4 KiB. Base64 makes a text a third longer than what it holds. */
const unitsOf = (length: number): number => Math.max(1, Math.ceil((length * 3) / 4 / 4_096));
const lengthOf = (texts: readonly (string | undefined)[]): number =>
  texts.reduce((sum, text = '') => sum + text.length, 0);

/** Decoding goes on in another turn after this time. */
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

/** Puts the items of a write if all its guards hold. Runs in the transaction of a group. */
const judgeAndPut = (
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

/** `checkFile` throws if the file that is open is not the one that is there now. */
export const createSqliteItems =
  (statements: Statements, writer: Writer, checkFile: () => Promise<void>): ItemsOf =>
  (context) =>
    itemsOf(statements, writer, checkFile, context);

const itemsOf = (
  statements: Statements,
  writer: Writer,
  checkFile: () => Promise<void>,
  context: RequestContext,
): Items => {
  const call = async <Result>(
    name: string,
    work: () => Promise<Found<Result>>,
  ): Promise<Result> => {
    let units = 0;
    try {
      const found = await context.storeTime.during(work);
      units = found.units;
      return found.result;
    } finally {
      context.journal.called('store', name, units);
    }
  };

  /** Waits until the disk has what a read may just have seen. */
  const settled = async (
    pending: Promise<void> | undefined,
    endByMs: number = times.answerByMs,
    callMs: number = times.storeCallMs,
  ): Promise<void> => {
    if (pending === undefined) return;
    await limitCall(
      context,
      callMs,
      endByMs,
      (signal) =>
        new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          pending.then(resolve, reject);
        }),
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
        // Nothing else runs between these statements, so they show one moment.
        const texts = keys.map(statements.find);
        await settled(writer.pendingOf(keys.map(({ pk }) => pk)));
        return { result: await parseAll(texts, attributes), units: unitsOf(lengthOf(texts)) };
      }),

    range: (pk, { from, to, order, limit }) =>
      call('Range', async () => {
        // A caller that goes through a long history must not keep others from their turn.
        await nextTurn();
        requireOpen();
        const texts = statements.range(pk, from, to, order, limit);
        await settled(writer.pendingOf([pk]));
        const items = await parseAll(texts);
        const result = items.filter((item) => item !== undefined);
        return { result, units: unitsOf(lengthOf(texts)) };
      }),

    names: ({ tenant, state }, { text, exact, after = '' }, limit) =>
      call('Names', async () => {
        await nextTurn();
        requireOpen();
        const range = { from: text, to: exact ? text : `${text}${afterNames}`, after };
        const names = statements.names(indexPartition(tenant, state), range, limit + 1);
        await settled(writer.pendingOf());
        const result = { names: names.slice(0, limit), more: names.length > limit };
        return { result, units: unitsOf(lengthOf(names)) };
      }),

    write: (guards) =>
      call('Write', async () => {
        const step = () => judgeAndPut(statements, guards);
        let units = 1;
        const result = await limitCall(context, times.storeCallMs, times.attemptsEndMs, (signal) =>
          writer.run(() => {
            const done = step();
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

/** Names are ASCII without `~`. */
const afterNames = '~';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Append, createAppender } from '../../../local/replica/appender.ts';
import { createWrite, type Write } from '../../../local/replica/write.ts';

const writeOf = (pk: string, table = 'vault'): Write =>
  createWrite('PutItem', { TableName: table, Item: { pk: { S: pk } } });

/** A log that answers when it is told. */
const createSlowLog = () => {
  const asked: { readonly keys: readonly string[]; readonly answer: (error?: Error) => void }[] =
    [];
  return {
    asked,
    keys: () => asked.map(({ keys }) => keys),
    append: (writes: readonly Write[]): Promise<void> =>
      new Promise((resolve, reject) => {
        const keys = writes.map(({ body }) => JSON.stringify(body['Item']).slice(12, 13));
        asked.push({ keys, answer: (error) => (error ? reject(error) : resolve()) });
      }),
  };
};

describe('writes of one node', () => {
  let log: ReturnType<typeof createSlowLog>;
  let append: Append;
  const tables = new Map<string, readonly string[]>();
  /** Whom nobody waits for any more. */
  const gone = new Set<string>();
  beforeEach(() => {
    jest.useFakeTimers();
    gone.clear();
    tables.set('vault', ['pk']);
    log = createSlowLog();
    append = createAppender(log, () => tables);
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  /** What has become of each, in a word. */
  const appendAll = (...pks: readonly string[]) => {
    const fates = pks.map(() => 'waits');
    for (const [index, pk] of pks.entries()) {
      append(writeOf(pk), 100, () => !gone.has(pk)).then(
        () => {
          fates[index] = 'in the log';
        },
        (error: Error) => {
          fates[index] = error.message;
        },
      );
    }
    return fates;
  };
  const answer = async (index: number, error?: Error): Promise<void> => {
    log.asked[index]?.answer(error);
    await jest.advanceTimersByTimeAsync(0);
  };

  it('go to the log at once when none is under way', async () => {
    const fates = appendAll('a');
    expect(log.keys()).toEqual([['a']]);
    await answer(0);
    expect(fates).toEqual(['in the log']);
    appendAll('b');
    expect(log.keys()).toEqual([['a'], ['b']]);
  });

  it('wait for the one that is under way, and then go together, each told when it is there', async () => {
    const fates = appendAll('a', 'b', 'c');
    expect(log.keys()).toEqual([['a']]);
    await answer(0);
    expect(log.keys()).toEqual([['a'], ['b', 'c']]);
    expect(fates).toEqual(['in the log', 'waits', 'waits']);
    await answer(1);
    expect(fates).toEqual(['in the log', 'in the log', 'in the log']);
  });

  it('on one item go one after the other, in the order in which they came', async () => {
    appendAll('a', 'b', 'b', 'c');
    await answer(0);
    await answer(1);
    expect(log.keys()).toEqual([['a'], ['b'], ['b', 'c']]);
  });

  it('go alone into a table that the node does not know', async () => {
    tables.clear();
    appendAll('a', 'b', 'c');
    await answer(0);
    await answer(1);
    expect(log.keys()).toEqual([['a'], ['b'], ['c']]);
  });

  it('fail together, if the log refuses them, and what waits goes on', async () => {
    const fates = appendAll('a', 'b', 'c');
    await answer(0);
    appendAll('d');
    await answer(1, new Error('full'));
    expect(fates).toEqual(['in the log', 'full', 'full']);
    expect(log.keys()).toEqual([['a'], ['b', 'c'], ['d']]);
  });

  it('that were given up before their turn came are not sent', async () => {
    appendAll('a', 'b', 'c');
    gone.add('b');
    await answer(0);
    expect(log.keys()).toEqual([['a'], ['c']]);
  });

  it('wait no longer than 50 ms for an answer that does not come, and are sent once', async () => {
    const fates = appendAll('a', 'b');
    await jest.advanceTimersByTimeAsync(49);
    expect(log.keys()).toEqual([['a']]);
    await jest.advanceTimersByTimeAsync(1);
    expect(log.keys()).toEqual([['a'], ['b']]);
    appendAll('c', 'd');
    // Late: it no longer is the one that the others wait for.
    await answer(0);
    expect(fates).toEqual(['in the log', 'waits']);
    expect(log.keys()).toEqual([['a'], ['b']]);
    await answer(1);
    await answer(2);
    expect(log.keys()).toEqual([['a'], ['b'], ['c', 'd']]);
  });
});

import { expect, it } from '@jest/globals';
import type { LogEntry } from '../../local/replica/batch.ts';
import { isNotAppended, type LogEnd } from '../../local/replica/log.ts';
import { createWrite } from '../../local/replica/write.ts';
import { startEtcdLog } from '../support/etcd.ts';
import { describeLog } from '../support/log-contract.ts';

describeLog('the log over etcd', () => startEtcdLog());

it('the log over etcd stops with a sentence at what is no entry, and does not pass over it', async () => {
  const { log, spoil, close } = await startEtcdLog();
  try {
    await spoil();
    const start = () => ({ revision: 0, version: 0 });
    const followed = log.follow(start, async () => undefined, new AbortController().signal);
    await expect(followed).rejects.toThrow('the log holds what is no entry');
  } finally {
    await close();
  }
});

/** Fills an etcd, and returns the errors of those appends that it refused and holds all the same. */
const fillLog = async (): Promise<readonly unknown[]> => {
  const { log, close } = await startEtcdLog({ 'quota-backend-bytes': String(24 * 1_048_576) });
  const Item = { pk: { S: 'x'.repeat(200_000) } };
  const refusals = new Map<string, unknown>();
  const append = async (): Promise<void> => {
    const write = createWrite('PutItem', { TableName: 'vault', Item });
    await log.append([write]).catch((error: unknown) => void refusals.set(write.id, error));
  };
  try {
    // Several at a time: the last that found room take it from each other.
    for (let tries = 0; tries < 40 && refusals.size < 12; tries += 1) {
      await Promise.all(Array.from({ length: 8 }, append));
    }
    expect([...refusals.values()].map(String).join()).toContain('database space exceeded');
    const end = await log.findEnd();
    const stop = new AbortController();
    let last: LogEnd = { revision: 0, version: 0 };
    const refusedAndThere: unknown[] = [];
    await log.follow(
      () => last,
      async (entries) => {
        const ids = entries.flatMap(({ writes }) => writes.map(({ id }) => id));
        refusedAndThere.push(...ids.filter((id) => refusals.has(id)).map((id) => refusals.get(id)));
        last = entries.at(-1) ?? last;
        if (last.revision >= end.revision) stop.abort();
      },
      stop.signal,
    );
    return refusedAndThere;
  } finally {
    await close();
  }
};

it('the log over etcd never holds what it said it would not, also when it is full', async () => {
  const refusedAndThere: unknown[] = [];
  // An append meets this case only if it takes the last room from another one, which not every round does.
  for (let round = 0; round < 10 && refusedAndThere.length === 0; round += 1) {
    refusedAndThere.push(...(await fillLog()));
  }
  expect(refusedAndThere).not.toEqual([]);
  expect(refusedAndThere.filter(isNotAppended)).toEqual([]);
});

it('the log over etcd hands over what is long behind in pieces, not all at once', async () => {
  const { log, close } = await startEtcdLog();
  const Item = { pk: { S: 'x'.repeat(1_000_000) } };
  try {
    for (let count = 0; count < 12; count += 1) {
      await log.append([createWrite('PutItem', { TableName: 'vault', Item })]);
    }
    const { revision: end } = await log.findEnd();
    const stop = new AbortController();
    const pieces: LogEntry[][] = [];
    await log.follow(
      () => pieces.at(-1)?.at(-1) ?? { revision: 0, version: 0 },
      async (entries) => {
        pieces.push([...entries]);
        if (entries.at(-1)?.revision === end) stop.abort();
      },
      stop.signal,
    );
    expect(pieces.flat().map(({ version }) => version)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(2);
  } finally {
    await close();
  }
});

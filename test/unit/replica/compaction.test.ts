import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type CompactionOptions, startCompaction } from '../../../local/replica/compaction.ts';
import { createWrite } from '../../../local/replica/write.ts';
import { createFakeLog, type FakeLog } from '../../support/fake-log.ts';

let log: FakeLog;
let compacted: number[];
let close: () => void;
const start = (options: Partial<CompactionOptions>): void => {
  const spied = {
    ...log,
    compact: async (revision: number) => {
      compacted.push(revision);
      await log.compact(revision);
    },
  };
  ({ close } = startCompaction({
    log: spied,
    kept: 5,
    isLeader: () => true,
    applied: () => [31, 31, 31],
    ...options,
  }));
};
const append = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) await log.append([createWrite('PutItem', {})]);
};
const goOn = (rounds: number) => jest.advanceTimersByTimeAsync(rounds * 10_000);

beforeEach(async () => {
  jest.useFakeTimers();
  compacted = [];
  log = createFakeLog();
  await append(30); // Revisions 2 to 31.
});
afterEach(() => {
  close();
  jest.useRealTimers();
});

describe('compaction', () => {
  it('keeps so many revisions, however far all are', async () => {
    start({});
    await goOn(1);
    expect(compacted).toEqual([26]);
  });

  it('keeps what a node that was heard lately has not applied', async () => {
    let behind = 12;
    start({ applied: () => [31, behind, 30] });
    await goOn(1);
    expect(log.entries()[0]?.revision).toBe(12);
    behind = 20;
    await goOn(1);
    expect(compacted).toEqual([12, 20]);
  });

  it('forgets nothing twice', async () => {
    start({});
    await goOn(3);
    expect(compacted).toHaveLength(1);
    await append(3);
    await goOn(1);
    expect(compacted).toEqual([26, 29]);
  });

  it('forgets nothing while a node has nothing, or the log is short', async () => {
    start({ applied: () => [31, 0] });
    await goOn(2);
    close();
    start({ kept: 100 });
    await goOn(2);
    expect(compacted).toEqual([]);
  });

  it('is done by the leader alone', async () => {
    let leads = false;
    start({ isLeader: () => leads });
    await goOn(2);
    expect(compacted).toEqual([]);
    leads = true;
    await goOn(1);
    expect(compacted).toEqual([26]);
  });

  it('that fails is made up for by the next', async () => {
    start({});
    log.setMajority(false);
    await goOn(1);
    log.setMajority(true);
    await goOn(1);
    expect(compacted).toEqual([26]);
  });

  it('ends when it is closed', async () => {
    start({});
    close();
    await goOn(2);
    expect(compacted).toEqual([]);
  });
});

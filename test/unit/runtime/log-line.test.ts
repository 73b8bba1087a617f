import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '../../../functions/model/errors.ts';
import { type Level, writeToOutput } from '../../../functions/runtime/log-line.ts';
import { logPolicy } from '../../../host/process/host-log.ts';
import { createKeptLog, type KeptLog } from '../../support/kept-log.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

const end = { principal: undefined, status: 200, error: undefined, elapsedMs: 1 };
const openIn = ({ openJournal }: KeptLog) => openJournal('get-secret', 'r-1', undefined);

/** Returns a log with the lines that `work` writes. */
const logged = (work: (log: KeptLog) => void): KeptLog => {
  const log = createKeptLog();
  work(log);
  return log;
};

/** Expects the lines to be one run from its first line on, and returns the id of the run. */
const expectWholeRun = (log: KeptLog): unknown => {
  const texts = log.written.map(({ text }) => text);
  const run = log.lines()[0]?.['run'];
  const digestOf = (text: string) =>
    createHash('sha256').update(text.replace(/\n$/, ''), 'utf8').digest('base64url').slice(0, 11);
  expect(log.lines().map(({ run, seq, prev }) => ({ run, seq, prev }))).toEqual(
    texts.map((_, index) => ({
      run,
      seq: index + 1,
      prev: index === 0 ? undefined : digestOf(texts[index - 1] ?? ''),
    })),
  );
  return run;
};

describe('the sequence numbers of the log lines of a vault', () => {
  it('start at 1 and go up by one over all levels, and each line has the digest of the one before', () => {
    const log = createKeptLog();
    void openIn(log).close(end);
    logPolicy(log, { fault: 'ä fault' });
    void openIn(log).close({ ...end, status: 503, error: new ApiError('store_unavailable', '') });
    const journal = openIn(log);
    for (let index = 0; index < 100; index += 1)
      journal.opened({ name: `N${index}`, version: 1 }, 'current');
    journal.decided('clock_skew');
    void journal.close(end);
    expect(log.written.map(({ level }) => level)).toEqual([
      ...['INFO', 'WARN', 'ERROR', 'WARN', 'INFO', 'INFO'],
    ]);
    expect(expectWholeRun(log)).toMatch(/^[\w-]{11}$/);
    expect(log.lines()[0]).not.toHaveProperty('prev');
  });

  it('do not count the lines of another vault in the same process, which are another run', () => {
    const [one, other] = [createKeptLog(), createKeptLog()];
    const [first, second] = [openIn(one), openIn(other)];
    second.decided('key_fault');
    first.decided('clock_skew');
    void first.close(end);
    void second.close(end);
    logPolicy(one, { fault: null });
    expect([one, other].map(({ written }) => written.length)).toEqual([3, 2]);
    expect(expectWholeRun(one)).not.toBe(expectWholeRun(other));
  });
});

describe('a log line', () => {
  it('has the name of its vault and the time of the clock of its vault', () => {
    let [now, later] = [Date.UTC(2026, 10, 24, 14, 30, 48, 123), Date.UTC(2100, 0)];
    const one = createKeptLog({ service: 'one', now: () => now });
    const other = createKeptLog({ service: 'other', now: () => later });
    void openIn(one).close(end);
    void openIn(other).close(end);
    now += 1;
    later -= 1;
    logPolicy(one, { fault: null });
    logPolicy(other, { fault: null });
    const told = (log: KeptLog) =>
      log.lines().map(({ service, timestamp }) => [service, timestamp]);
    expect(told(one)).toEqual([
      ['one', '2026-11-24T14:30:48.123Z'],
      ['one', '2026-11-24T14:30:48.124Z'],
    ]);
    expect(told(other)).toEqual([
      ['other', '2100-01-01T00:00:00.000Z'],
      ['other', '2099-12-31T23:59:59.999Z'],
    ]);
  });

  it.each<[Level, () => KeptLog]>([
    ['INFO', () => logged((log) => openIn(log).close(end))],
    ['ERROR', () => logged((log) => openIn(log).close({ ...end, status: 500 }))],
    ['WARN', () => logged((log) => openIn(log).decided('key_fault'))],
    ['INFO', () => logged((log) => logPolicy(log, { fault: null }))],
    ['WARN', () => logged((log) => logPolicy(log, { fault: 'line 3 is wrong' }))],
  ])('is written at level %s, which its field `level` names, too: %#', (level, work) => {
    const log = work();
    expect(log.written.map((line) => line.level)).toEqual([level]);
    expect(log.lines()).toMatchObject([{ level }]);
  });

  it('is written as one line of JSON, with its line feed', () => {
    const { written } = logged((log) => logPolicy(log, { fault: 'line 1\nline 2' }));
    expect(written.map(({ text }) => text)).toEqual([expect.stringMatching(/^\{[^\n]*\}\n$/)]);
  });

  it.each<[Level, 'stdout' | 'stderr']>([
    ['INFO', 'stdout'],
    ['WARN', 'stderr'],
    ['ERROR', 'stderr'],
  ])('of level %s goes to %s if the vault writes to the output of its process', (level, stream) => {
    const written: string[] = [];
    for (const name of ['stdout', 'stderr'] as const) {
      jest.spyOn(process[name], 'write').mockImplementation((text) => {
        written.push(`${name} ${text}`);
        return true;
      });
    }
    writeToOutput(level, '{}\n');
    expect(written).toEqual([`${stream} {}\n`]);
  });
});

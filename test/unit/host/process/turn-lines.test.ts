import { describe, expect, it } from '@jest/globals';
import { createWriteLine } from '../../../../functions/runtime/log-line.ts';
import { currentTurn } from '../../../../host/process/turn.ts';
import { joinLinesOfTurn } from '../../../../host/process/turn-lines.ts';
import { nextTurn } from '../../../support/next-turn.ts';

/** Joins lines by a turn that the test counts up, and keeps what is written. */
const joined = () => {
  const written: string[] = [];
  let turn = 1;
  const { write, flush } = joinLinesOfTurn(
    (level, lines) => written.push(`${level} ${lines.replaceAll('\n', ';')}`),
    () => turn,
  );
  return {
    written,
    flush,
    /** Ends a request in the current turn. Resolves once its line is written. */
    end: async (line: string) => write('INFO', `${line}\n`, true),
    tell: (level: 'INFO' | 'WARN' | 'ERROR', line: string) => void write(level, `${line}\n`, false),
    fail: (line: string) => void write('ERROR', `${line}\n`, true),
    nextTurn: async () => {
      await new Promise(setImmediate);
      turn += 1;
    },
  };
};

describe('lines that are joined by turn', () => {
  it('are written at once, for a request that is alone', async () => {
    const { written, end, nextTurn } = joined();
    for (const line of ['one', 'two', 'three']) {
      await end(line);
      expect(written.at(-1)).toBe(`INFO ${line};`);
      await nextTurn();
    }
    expect(written).toHaveLength(3);
  });

  it('are written together once several requests end in a turn, before any answer may leave', async () => {
    const { written, end, nextTurn } = joined();
    await Promise.all(['a', 'b', 'c'].map(end));
    expect(written).toEqual(['INFO a;', 'INFO b;c;']);
    await nextTurn();
    const seen: number[] = [];
    await Promise.all(
      ['d', 'e', 'f'].map((line) => end(line).then(() => seen.push(written.length))),
    );
    expect(written).toEqual(['INFO a;', 'INFO b;c;', 'INFO d;e;f;']);
    expect(seen).toEqual([3, 3, 3]);
  });

  it('are written at once again, as soon as one request was alone in a turn', async () => {
    const { written, end, nextTurn } = joined();
    await Promise.all(['a', 'b'].map(end));
    await nextTurn();
    const waits = end('c');
    expect(written).toEqual(['INFO a;', 'INFO b;']);
    await waits;
    await nextTurn();
    void end('d');
    expect(written).toEqual(['INFO a;', 'INFO b;', 'INFO c;', 'INFO d;']);
  });

  it('come before a line that does not wait, a warning and an error', async () => {
    const { written, end, tell, fail } = joined();
    const ends = ['a', 'b', 'c'].map(end);
    tell('INFO', 'decision');
    ends.push(end('d'));
    tell('WARN', 'warning');
    ends.push(end('e'));
    fail('failed');
    expect(written).toEqual([
      ...['INFO a;', 'INFO b;c;', 'INFO decision;', 'INFO d;'],
      ...['WARN warning;', 'INFO e;', 'ERROR failed;'],
    ]);
    await Promise.all(ends);
    expect(written).toHaveLength(7);
  });

  it('are written before the process ends', () => {
    const { written, end, flush } = joined();
    for (const line of ['a', 'b', 'c']) void end(line);
    flush();
    flush();
    expect(written).toEqual(['INFO a;', 'INFO b;c;']);
  });

  it('are numbered in the order in which they are written', async () => {
    let written = '';
    const { write } = joinLinesOfTurn((_, lines) => {
      written += lines;
    });
    const writeLine = createWriteLine({ service: 'vault', now: Date.now, write });
    for (let turn = 0; turn < 3; turn += 1) {
      await nextTurn();
      const ends = [1, 2, 3].map(() => writeLine('INFO', 'request', {}, true));
      void writeLine('WARN', 'warning', {});
      await Promise.all([...ends, writeLine('INFO', 'request', {}, true)]);
    }
    const numbers = written
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).seq);
    expect(numbers).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
  });
});

it('the number of the turn stays the same until the process asks the system again what is ready', async () => {
  await nextTurn();
  const turn = currentTurn();
  await null;
  expect(currentTurn()).toBe(turn);
  await new Promise(setImmediate);
  const inCheck = currentTurn();
  expect(inCheck - turn).toBeLessThanOrEqual(1);
  await nextTurn();
  expect(currentTurn()).toBeGreaterThan(inCheck);
});

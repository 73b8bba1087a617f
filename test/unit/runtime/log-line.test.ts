import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ApiError } from '../../../functions/model/errors.ts';
import { logPolicy } from '../../../functions/runtime/host-lines.ts';
import { openJournal } from '../../../functions/runtime/request-journal.ts';
import { journalOnLambda } from '../../support/lambda-journal.ts';

let written: { readonly stream: string; readonly line: string }[];
beforeEach(() => {
  written = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    jest.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written.push({ stream, line: String(chunk) });
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
});

type Numbers = { readonly run: string; readonly seq: number; readonly prev?: string };
const numbers = (): Numbers[] => written.map(({ line }) => JSON.parse(line));
const end = { principal: undefined, status: 200, error: undefined, elapsedMs: 1 };

describe('the sequence numbers of the log lines of a process', () => {
  it('go up by one over all levels and both streams, and each line has the digest of the one before', () => {
    openJournal('get-secret', 'r-1').close(end);
    logPolicy({ fault: 'ä fault' });
    const error = new ApiError('store_unavailable', '');
    openJournal('get-secret', 'r-2').close({ ...end, status: 503, error });
    const journal = openJournal('get-secret', 'r-3');
    for (let index = 0; index < 100; index += 1)
      journal.opened({ name: `N${index}`, version: 1 }, 'current');
    journal.decided('clock_skew');
    journal.close(end);
    expect(written.map(({ stream }) => stream)).toEqual([
      ...['stdout', 'stderr', 'stderr', 'stderr', 'stdout', 'stdout'],
    ]);
    const [first, ...others] = numbers();
    expect(first?.run).toMatch(/^[\w-]{11}$/);
    for (const [index, { run, seq, prev }] of others.entries()) {
      const before = written[index]?.line.replace(/\n$/, '') ?? '';
      const digest = createHash('sha256').update(before, 'utf8').digest('base64url');
      expect({ run, seq, prev }).toEqual({
        ...{ run: first?.run, seq: (first?.seq ?? 0) + index + 1, prev: digest.slice(0, 11) },
      });
    }
  });

  it('begin with 1 in each process, whose first line has no digest of another', () => {
    for (const open of [journalOnLambda(), journalOnLambda()]) open('get-secret', 'r-1').close(end);
    const [one, other] = numbers();
    expect(one).toMatchObject({ seq: 1 });
    expect(other).toMatchObject({ seq: 1 });
    for (const line of [one, other]) expect(line).not.toHaveProperty('prev');
    expect(one?.run).not.toBe(other?.run);
  });
});

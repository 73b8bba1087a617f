import { describe, expect, it } from '@jest/globals';
import { mergeFiles } from '../../../cli/files/merged-files.ts';
import type { Client, Session } from '../../../cli/requests/vault-client.ts';
import { findNewReading } from '../../../cli/run/program-file.ts';
import { readSettled, waitMs } from '../../../cli/run/watch.ts';

describe('the pause of dsvault run --watch between two checks', () => {
  it.each([
    [30_000, 0, 0, 30_000],
    [30_000, 1, 1, 60_000],
    [30_000, 1, 0, 30_000],
    [30_000, 3, 1, 240_000],
    [30_000, 4, 1, 300_000],
    [30_000, 4, 0, 150_000],
    [30_000, 5_000, 1, 300_000],
    [3_600_000, 2, 1, 3_600_000],
  ])(
    'with an interval of %i ms, after %i failures and for a random number of %d, is %i ms',
    (...asked) => {
      const [intervalMs, failures, chance, waitedMs] = asked;
      expect(waitMs(intervalMs, failures, chance)).toBe(waitedMs);
    },
  );
});

describe('reading a watched file', () => {
  it.each([
    ['a file that did not change', ['old'], 'old', 0],
    ['a file that an editor is writing', ['', 'ne', 'new', 'new'], 'new', 3],
    ['a file that an editor writes as it was', ['', 'old', 'old'], 'old', 2],
  ])('returns a new content only after two equal reads: %s', async (_, contents, seen, pauses) => {
    const left = [...contents];
    let paused = 0;
    const pause = async () => {
      paused += 1;
    };
    expect(await readSettled(async () => left.shift() ?? '', 'old', pause)).toBe(seen);
    expect([left, paused]).toEqual([[], pauses]);
  });
});

describe('checking a watched file', () => {
  it('passes its abort signal to each of its requests', async () => {
    const signals: unknown[] = [];
    const client = async (_: string, { signal }: { signal?: AbortSignal }) => {
      signals.push(signal);
      const resolved = [{ name: 'S', version: 2 }];
      return { content: '{"K0":"c4n4ry-1"}', resolved, tag: 'new', warnings: [] };
    };
    const session = { client: client as unknown as Client } as Session;
    const merged = mergeFiles([{ file: '.env', text: 'K0=secret(S)' }]);
    const old = { expanded: '', env: {}, hide: [], resolved: [], tag: 'old' };
    const { signal } = new AbortController();
    const found = await findNewReading(
      session,
      { redact: true, dialect: 'shell' },
      merged,
      old,
      signal,
    );
    expect([signals, found?.hide]).toEqual([[signal, signal], ['c4n4ry-1']]);
  });
});

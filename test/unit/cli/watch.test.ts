import { describe, expect, it } from '@jest/globals';
import type { Client, Session } from '../../../cli/requests/vault-client.ts';
import { findNewReading } from '../../../cli/run/program-file.ts';
import { readSettled, waitMs } from '../../../cli/run/watch.ts';

describe('the wait of dsvault run --watch', () => {
  it.each([
    [30_000, 0, 0, 30_000],
    [30_000, 1, 1, 60_000],
    [30_000, 1, 0, 30_000],
    [30_000, 3, 1, 240_000],
    [30_000, 4, 1, 300_000],
    [30_000, 4, 0, 150_000],
    [30_000, 5_000, 1, 300_000],
    [3_600_000, 2, 1, 3_600_000],
  ])('is for an interval of %i ms, %i failures and the chance %d: %i ms', (...asked) => {
    const [intervalMs, failures, chance, waitedMs] = asked;
    expect(waitMs(intervalMs, failures, chance)).toBe(waitedMs);
  });
});

describe('the reading of a watched file', () => {
  it.each([
    ['a file that did not change', ['old'], 'old', 0],
    ['a file that an editor is writing', ['', 'ne', 'new', 'new'], 'new', 3],
    ['a file that an editor writes as it was', ['', 'old', 'old'], 'old', 2],
  ])('returns a content that is there twice: %s', async (_, contents, seen, pauses) => {
    const left = [...contents];
    let paused = 0;
    const pause = async () => {
      paused += 1;
    };
    expect(await readSettled(async () => left.shift() ?? '', 'old', pause)).toBe(seen);
    expect([left, paused]).toEqual([[], pauses]);
  });
});

describe('a look at a watched file', () => {
  it('can be ended by its signal during each of its requests', async () => {
    const signals: unknown[] = [];
    const client = async (_: string, { signal }: { signal?: AbortSignal }) => {
      signals.push(signal);
      const resolved = [{ name: 'S', version: 2 }];
      return { content: '{"K0":"c4n4ry-1"}', resolved, tag: 'new', warnings: [] };
    };
    const session = { client: client as unknown as Client } as Session;
    const file = { envFile: '.env', redact: true } as const;
    const old = { expanded: '', env: {}, hide: [], resolved: [], tag: 'old' };
    const { signal } = new AbortController();
    const found = await findNewReading(session, file, { content: 'K0=secret(S)' }, old, signal);
    expect([signals, found?.hide]).toEqual([[signal, signal], ['c4n4ry-1']]);
  });
});

import { describe, expect, it } from '@jest/globals';
import {
  durationMs,
  durationText,
  isLate,
  pinOf,
  supersededMs,
} from '../../../cli/commands/outdated.ts';
import { type NewestVersion, whyUnusable } from '../../../cli/files/version-facts.ts';
import type { VersionEntry } from '../../../client/types.ts';

const dayMs = 86_400_000;
const supersededAt = '2026-03-01T00:00:00.000Z';
const supersededAtMs = Date.parse(supersededAt);

/** A pin of a version that was current until `validTo`. */
const pinWith = (validTo: string | null) => {
  const facts = { validFrom: '2026-01-01T00:00:00.000Z', createdBy: 'alice', masterKeyId: 'k' };
  const newest: NewestVersion = { version: 2, state: 'stored', validTo: null, ...facts };
  const pinned = new Map([[1, { ...newest, version: 1, validTo }]]);
  return pinOf(new Map([['A', { newest, pinned }]]), { name: 'A', version: 1 });
};

describe('a pin with an anchor', () => {
  const facts = { validFrom: '2026-01-01T00:00:00.000Z', validTo: null, createdBy: 'alice' };
  const stored = { ...facts, version: 1, state: 'stored', masterKeyId: 'k' } as const;
  const gone = { ...stored, state: 'destroyed', destroyedAt: '', destroyedBy: 'alice' } as const;
  it.each<[string, VersionEntry, string | undefined]>([
    ['can be used if its version has this anchor', { ...stored, anchor: 'k3f9qzTb' }, undefined],
    ['can be used in a vault that returns no anchors', stored, undefined],
    [
      'is of another history if its version has another anchor',
      { ...stored, anchor: '-_0aZz9A' },
      'another_history',
    ],
    [
      'is useless if its version was destroyed',
      { ...gone, anchor: 'k3f9qzTb' },
      'version_destroyed',
    ],
    [
      'is of another history if its version has another anchor and was destroyed',
      { ...gone, anchor: '-_0aZz9A' },
      'another_history',
    ],
    [
      'names no version if it is a deletion, whatever its anchor',
      { ...facts, version: 1, state: 'deleted', anchor: '-_0aZz9A' },
      'no_such_version',
    ],
  ])('%s', (_, entry, reason) => {
    const known = new Map([['A', { newest: stored, pinned: new Map([[1, entry]]) }]]);
    expect(whyUnusable(known, { name: 'A', version: 1, anchor: 'k3f9qzTb' })).toBe(reason);
  });
});

describe('--max-age', () => {
  it.each<[string, string | null, number, number, boolean]>([
    [
      'accepts a pin whose age is exactly the maximum',
      supersededAt,
      supersededAtMs + 90 * dayMs,
      90 * dayMs,
      false,
    ],
    [
      'rejects a pin whose age is 1 ms above the maximum',
      supersededAt,
      supersededAtMs + 90 * dayMs + 1,
      90 * dayMs,
      true,
    ],
    ['accepts a current version of any age', null, supersededAtMs + 3_650 * dayMs, 0, false],
  ])('%s', (_, validTo, now, maxAgeMs, expected) => {
    expect(isLate(pinWith(validTo), now, maxAgeMs)).toBe(expected);
  });

  it('takes zero as the age of a pin that is superseded in the future', () => {
    expect(supersededMs(pinWith(supersededAt), supersededAtMs - 5_000)).toBe(0);
  });
});

describe('a duration', () => {
  it('is a number of days, hours, minutes or seconds, and nothing else', () => {
    const texts = ['90d', '12h', '30m', '45s', '0d', '90', 'd', '1.5d', '-1d', '90D', '90 d', ''];
    const known = [90 * dayMs, dayMs / 2, 1_800_000, 45_000, 0];
    expect(texts.map(durationMs)).toEqual([...known, ...Array(7).fill(undefined)]);
  });

  it('is printed in its largest whole unit', () => {
    const ms = [0, 59_999, 60_000, 3_600_000, 86_399_999, 90.9 * dayMs];
    expect(ms.map(durationText)).toEqual(['0s', '59s', '1m', '1h', '23h', '90d']);
  });
});

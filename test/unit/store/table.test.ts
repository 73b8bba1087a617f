import { describe, expect, it } from '@jest/globals';
import {
  recordKey,
  secretPartition,
  versionSortKey,
  visiblePartition,
  wholeSeconds,
} from '../../../functions/store/items.ts';
import { someone } from '../../support/requests.ts';

const acme = someone({ tenant: 'acme' });

describe('the key of an item', () => {
  it('contains the tenant of the caller', () => {
    expect(secretPartition('acme', 'A')).toBe('TENANT#acme#SECRET#A');
    expect(visiblePartition(acme, 'A')).toBe('TENANT#acme#SECRET#A');
    expect(recordKey(acme, 'hash')).toEqual({ pk: 'TENANT#acme#IDEMPOTENCY#hash', sk: 'RECORD' });
  });

  it('is in a partition that is never written if the name is hidden', () => {
    const narrow = { ...acme, names: ['B*', 'C'] };
    expect(visiblePartition(narrow, 'A')).toBe('TENANT#acme#ABSENT#A');
    expect(visiblePartition(narrow, 'BB')).toBe('TENANT#acme#SECRET#BB');
    expect(visiblePartition({ ...acme, names: [] }, 'A')).toBe('TENANT#acme#ABSENT#A');
    expect(visiblePartition(narrow, 'A')).toHaveLength(secretPartition('acme', 'A').length);
  });

  it('sorts versions by number', () => {
    expect(versionSortKey(1)).toBe('VERSION#0000000001');
    const keys = [1, 2, 9, 10, 99, 100, 999_999_999].map(versionSortKey);
    expect([...keys].sort()).toEqual(keys);
    expect(keys.every((key) => key > 'HEAD')).toBe(true);
  });
});

describe('wholeSeconds', () => {
  it('rounds down to full seconds', () => {
    expect([0, 999, 1_000, 1_999].map(wholeSeconds)).toEqual([0, 0, 1_000, 1_000]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { statusRows } from '../../../cli/commands/status.ts';

const status = {
  status: 'ok',
  store: { reachable: true, latencyMs: 4 },
  masterKey: { reachable: true, id: 'k1' },
} as const;
const policy = { source: 'file', digest: 'd', since: '2026-11-28T00:00:00.000Z' } as const;

describe('dsvault status', () => {
  it('shows each fault of a refused policy in a line of its own, and that the old policy decides', () => {
    const about = 'file, since 2026-11-28T00:00:00.000Z';
    const rowsWith = (fault: string | null) =>
      statusRows({ ...status, policy: { ...policy, fault } }).slice(3);
    expect(rowsWith(null)).toEqual([['access policy', 'ok', about]]);
    expect(rowsWith('line 8: a\nline 14: b')).toEqual([
      ['access policy', 'old', about],
      ['', '', 'line 8: a'],
      ['', '', 'line 14: b'],
    ]);
  });
});

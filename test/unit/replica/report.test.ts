import { describe, expect, it } from '@jest/globals';
import { firstServing } from '../../../local/replica/report.ts';
import { reportOf } from '../../support/peers.ts';

describe('what one node does for all', () => {
  it('is done by the first that serves, whoever leads the log', () => {
    const leader = { leader: true, state: 'diverged' } as const;
    expect(firstServing([reportOf(3), reportOf(1, leader), reportOf(2)])).toBe(2);
  });

  it('is left by one that does not answer, and by all if none serves', () => {
    expect(firstServing([reportOf(2), reportOf(1, { alive: false })])).toBe(2);
    expect(firstServing([reportOf(1, { state: 'no-majority' })])).toBeUndefined();
  });
});

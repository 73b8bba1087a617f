import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Budget, createBudget, type Holder } from '../../../../local/http/bounds.ts';

let budget: Budget;
let gone: string[];
const hold = (name: string, amount: number): Holder => {
  const holder = budget.hold(() => void gone.push(name));
  holder.take(amount);
  return holder;
};

beforeEach(() => {
  budget = createBudget(10);
  gone = [];
});

describe('a budget', () => {
  it('evicts nobody while there is room, and never a holder of nothing', () => {
    budget.hold(() => void gone.push('empty'));
    hold('a', 4);
    hold('b', 6);
    expect(gone).toEqual([]);
    hold('c', 11);
    expect(gone).toEqual(['a', 'b', 'c']);
  });

  it('evicts the oldest holders, and no more of them than needed', () => {
    for (const name of ['a', 'b', 'c']) hold(name, 3);
    hold('d', 5);
    expect(gone).toEqual(['a', 'b']);
  });

  it('counts all that a holder has taken in pieces', () => {
    const holder = hold('a', 5);
    hold('b', 5);
    holder.take(1);
    expect(gone).toEqual(['a']);
  });

  it('keeps pinned holders, and evicts the next one, even the newest', () => {
    hold('a', 6).pin();
    hold('b', 4);
    hold('c', 1);
    expect(gone).toEqual(['b']);
    hold('d', 3).pin();
    hold('e', 2);
    expect(gone).toEqual(['b', 'c', 'e']);
  });

  it('treats a renewed holder as the youngest, which can be evicted again', () => {
    const renewed = hold('a', 5);
    renewed.pin();
    hold('b', 5);
    renewed.renew();
    hold('c', 5);
    hold('d', 5);
    expect(gone).toEqual(['b', 'a']);
  });

  it('has room again, once, for what a released holder held', () => {
    const holder = hold('a', 10);
    holder.release();
    holder.release();
    hold('b', 10);
    expect(gone).toEqual([]);
    hold('c', 1);
    expect(gone).toEqual(['b']);
  });

  it('ignores a released or evicted holder', () => {
    const released = hold('a', 1);
    released.release();
    released.take(100);
    const letGo = hold('b', 11);
    letGo.take(100);
    letGo.renew();
    hold('c', 10);
    expect(gone).toEqual(['b']);
  });
});

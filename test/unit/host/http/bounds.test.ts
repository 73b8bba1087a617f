import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Budget, createBudget, type Holder } from '../../../../host/http/bounds.ts';

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

describe('a budget that several holders share, such as connections or bodies,', () => {
  it('evicts no holder while there is room, and never one that has taken nothing', () => {
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

  it('charges a holder for everything that it has taken in several steps', () => {
    const holder = hold('a', 5);
    hold('b', 5);
    holder.take(1);
    expect(gone).toEqual(['a']);
  });

  it('never evicts pinned holders, but the next one instead, even if it is the newest', () => {
    hold('a', 6).pin();
    hold('b', 4);
    hold('c', 1);
    expect(gone).toEqual(['b']);
    hold('d', 3).pin();
    hold('e', 2);
    expect(gone).toEqual(['b', 'c', 'e']);
  });

  it('treats a renewed holder as the newest, and can evict it again even if it was pinned before', () => {
    const renewed = hold('a', 5);
    renewed.pin();
    hold('b', 5);
    renewed.renew();
    hold('c', 5);
    hold('d', 5);
    expect(gone).toEqual(['b', 'a']);
  });

  it('frees the room of a released holder, and only once', () => {
    const holder = hold('a', 10);
    holder.release();
    holder.release();
    hold('b', 10);
    expect(gone).toEqual([]);
    hold('c', 1);
    expect(gone).toEqual(['b']);
  });

  it('ignores what a holder does after it was released or evicted', () => {
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

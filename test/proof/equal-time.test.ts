/**
 * Compares how long *not found* takes: for another tenant's name and for a name that never existed,
 * and for names that are hidden from the caller. The two are measured in pairs, in random order,
 * over a store in this process, so only the work of the vault itself differs. They are compared by
 * Welch's t-test, as dudect does (Reparaz and others, 2017).
 */
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { portsOver } from '../support/adversary/ports.ts';
import { seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { perRun } from '../support/long.ts';
import { createMemoryStore } from '../support/memory-dynamodb.ts';
import { createMemoryKms } from '../support/memory-kms.ts';
import { codeOf } from '../support/refusals.ts';
import { someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';

const pairsOfGets = perRun(8_000, 20_000);
const pairsOfOthers = perRun(3_000, 5_000);
const warmUps = 1_000;
/** The times of two kinds of work count as different if |t| of Welch's test is larger than this. */
const threshold = 4.5;

const meanAndVariance = (values: readonly number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, ofMean: squares / (values.length - 1) / values.length };
};
const welchT = (a: readonly number[], b: readonly number[]): number => {
  const [first, second] = [meanAndVariance(a), meanAndVariance(b)];
  return (first.mean - second.mean) / Math.sqrt(first.ofMean + second.ofMean);
};
/**
 * Returns the t that is furthest from 0 among four: of the fastest 30, 50, 70 and 90 percent of all
 * times. When a machine is busy, it slows both classes down alike, which hides a difference between
 * the fast times.
 */
const largestT = (a: readonly number[], b: readonly number[]): number => {
  const all = [...a, ...b].sort((x, y) => x - y);
  const ts = [0.3, 0.5, 0.7, 0.9].map((share) => {
    const limit = all[Math.floor(all.length * share)] ?? Infinity;
    return welchT(
      a.filter((time) => time <= limit),
      b.filter((time) => time <= limit),
    );
  });
  return ts.reduce((largest, t) => (Math.abs(t) > Math.abs(largest) ? t : largest), 0);
};
const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
  const began = process.hrtime.bigint();
  expect(await codeOf(work)).toBe('not_found');
  return Number(process.hrtime.bigint() - began);
};

/** Measures two kinds of work in pairs, in random order within each pair. */
const startComparing = (one: () => Promise<unknown>, other: () => Promise<unknown>) => {
  const random = seeded(1);
  const [times, otherTimes]: [number[], number[]] = [[], []];
  const measure = async (): Promise<readonly [number, number]> => {
    if (random() < 0.5) return [await timeOf(one), await timeOf(other)];
    const second = await timeOf(other);
    return [await timeOf(one), second];
  };
  return {
    warmUp: async () => {
      for (let pair = 0; pair < warmUps; pair += 1) await measure();
    },
    /** Measures this many further pairs. Returns the t over all pairs so far. */
    take: async (count: number): Promise<number> => {
      for (let pair = 0; pair < count; pair += 1) {
        const [time, otherTime] = await measure();
        times.push(time);
        otherTimes.push(otherTime);
      }
      return largestT(times, otherTimes);
    },
    pairs: () => times.length,
  };
};

describe('the time of a not_found answer', () => {
  const kms = createMemoryKms();
  const store = createMemoryStore();
  const ports = portsOver(
    (call, signal) => (call.service === 'kms' ? kms : store).exchange(call, signal),
    kms.keyArn,
  );
  const figures: string[] = [];
  afterAll(() => printFigure('equal time', `${figures.join(', ')}`));

  const [taken, free] = ['DB_PASSWORD', 'NO_PASSWORD'];
  const get = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).get(principal, name);
  const update = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).update(principal, name, 'x');
  const remove = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).delete(principal, name);
  const destroy = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).destroy(principal, name, 1);
  const expand = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).expand(principal, `A=secret(${name})\n`);
  const explain = (through: Ports, principal: Principal, name: string) => () =>
    vaultOver(through).explain(principal, name);
  const requireEqual = async (
    what: string,
    one: () => Promise<unknown>,
    other: () => Promise<unknown>,
  ): Promise<void> => {
    const count = what.startsWith('get') ? pairsOfGets : pairsOfOthers;
    const measureOnce = async (): Promise<number> => {
      const { warmUp, take } = startComparing(one, other);
      await warmUp();
      const t = await take(count);
      figures.push(`${what}: |t| ${Math.abs(t).toFixed(2)} over ${count} pairs`);
      return t;
    };
    const t = await measureOnce();
    if (Math.abs(t) < threshold) return;
    // A real difference has the same sign in new pairs. One caused by other load on the machine
    // does not.
    const again = await measureOnce();
    expect(Math.sign(t) * again).toBeLessThan(threshold);
  };

  const asks = [
    ['get', get],
    ['update', update],
    ['delete', remove],
    ['destroy', destroy],
    ['expand', expand],
  ] as const;

  // Shows G7.
  it.each(asks)(
    'is equal for another tenant’s name and a name that never existed: %s',
    async (what, ask) => {
      const owner = someone();
      await makeSecret(ports, owner, taken, ['a', 'b']);
      const stranger = someone();
      await requireEqual(what, ask(ports, stranger, taken), ask(ports, stranger, free));
    },
  );

  // Shows G7.
  it.each([
    ...asks.filter(([what]) => ['get', 'delete', 'destroy'].includes(what)),
    ['explain', explain] as const,
  ])('is equal for an existing and a free name hidden from the caller: %s', async (what, ask) => {
    const owner = someone();
    await makeSecret(ports, owner, taken, ['a', 'b']);
    const blind = { ...owner, names: ['OTHER_*'] };
    const about = `${what}, hidden`;
    await requireEqual(about, ask(ports, blind, taken), ask(ports, blind, free));
  });

  it('differs measurably if one answer takes 20 µs longer', async () => {
    const owner = someone();
    await makeSecret(ports, owner, taken, ['a']);
    const stranger = someone();
    const slower = portsOver(async (call, signal) => {
      const until = process.hrtime.bigint() + 20_000n;
      while (call.body.includes(taken) && process.hrtime.bigint() < until);
      return await store.exchange(call, signal);
    }, kms.keyArn);
    const [slow, fast] = [get(slower, stranger, taken), get(slower, stranger, free)];
    const { warmUp, take, pairs } = startComparing(slow, fast);
    await warmUp();
    // On a busy machine it takes more pairs to show the planted difference of 20 µs, but not more
    // than the other tests use.
    let t = 0;
    while (t <= 2 * threshold && pairs() < pairsOfGets) t = await take(pairsOfOthers);
    figures.push(`with 20 µs planted: t ${t.toFixed(1)} over ${pairs()} pairs`);
    expect(t).toBeGreaterThan(threshold);
  });
});

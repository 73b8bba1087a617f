import { describe, expect, it } from '@jest/globals';
import { bisect, type Mark } from '../../../cli/commands/bisection.ts';
import { changesOf, type SecretVersion } from '../../../cli/commands/secret-changes.ts';

const statesMax = 9;

/**
 * Bisects the states up to `last`. They are good before `firstBad` and bad from there on, but those
 * for which `unfit` returns true cannot be judged.
 */
const search = async (last: number, firstBad: number, unfit: (state: number) => boolean) => {
  const judged: number[] = [];
  const range = await bisect(last, async (state): Promise<Mark> => {
    judged.push(state);
    if (unfit(state)) return 'skip';
    return state < firstBad ? 'good' : 'bad';
  });
  return { ...range, judged };
};

describe('dsvault bisect', () => {
  it('finds the first bad state with as few runs as halving needs', async () => {
    for (let last = 1; last <= statesMax; last += 1) {
      for (let firstBad = 1; firstBad <= last; firstBad += 1) {
        const { good, bad, judged } = await search(last, firstBad, () => false);
        expect([good, bad]).toEqual([firstBad - 1, firstBad]);
        expect(judged.length).toBeLessThanOrEqual(Math.ceil(Math.log2(last)));
      }
    }
  });

  it('leaves only skipped states between the last good and the first bad one', async () => {
    for (let skips = 0; skips < 2 ** (statesMax - 1); skips += 1) {
      const isUnfit = (state: number) => ((skips >> (state - 1)) & 1) === 1 && state < statesMax;
      for (let firstBad = 1; firstBad <= statesMax; firstBad += 1) {
        const { good, bad, judged } = await search(statesMax, firstBad, isUnfit);
        const fit = [...Array(statesMax + 1).keys()].filter((state) => !isUnfit(state));
        expect(good).toBe(fit.filter((state) => state < firstBad).at(-1));
        expect(bad).toBe(fit.find((state) => state >= firstBad));
        expect(new Set(judged).size).toBe(judged.length);
      }
    }
  });
});

describe('the states that dsvault bisect searches', () => {
  it('group the versions that started at one instant, and exclude those up to --good and after --bad', () => {
    const version = (name: string, second: number): SecretVersion => ({
      name,
      version: second,
      state: 'stored',
      validFrom: `2026-11-20T00:00:0${second}.000Z`,
      validTo: null,
      createdBy: 'alice',
      masterKeyId: 'k',
    });
    const history = [version('A', 5), version('A', 3), version('A', 1), version('B', 3)];
    const at = (second: number) => version('', second).validFrom;
    expect(changesOf([...history, version('B', 2)], at(1), at(3))).toEqual([
      { at: at(2), versions: [version('B', 2)] },
      { at: at(3), versions: [version('A', 3), version('B', 3)] },
    ]);
    expect(changesOf(history, at(3), undefined).map((change) => change.at)).toEqual([at(5)]);
  });
});

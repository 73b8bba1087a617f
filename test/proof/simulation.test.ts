/**
 * Each seed simulates a whole world of vaults. Every history must be linearizable, which Porcupine
 * decides. `SEED=… npm run test:proof -- simulation` repeats a seed that failed.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildChecker, checkHistory } from '../cluster/chaos/checker.ts';
import { printFigure } from '../support/figure.ts';
import { freshFolder } from '../support/local-process.ts';
import { perRun } from '../support/long.ts';
import { findContradictions } from '../support/simulation/checker.ts';
import { recordedOf } from '../support/simulation/recorded.ts';
import { simulate } from '../support/simulation/simulate.ts';

const only = process.env['SEED'];
const usual = perRun(500, 2_000);
const seeds = only === undefined ? usual : Number(process.env['SEEDS'] ?? 1);
const firstSeed = Number(only ?? 1);
const batch = 100;

describe('a simulated vault', () => {
  const folder = freshFolder();
  beforeAll(buildChecker);
  const sum = { requests: 0, operations: 0, faults: 0, deaths: 0, overlapping: 0, refused: 0 };
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    const { requests, faults, deaths } = sum;
    const share = (part: number) => `${Math.round((100 * part) / sum.operations)} %`;
    printFigure(
      'simulation',
      `${seeds} seeds, ${requests} requests (${share(sum.overlapping)} overlap another on a name, ${share(sum.refused)} refused), ${faults} faults of the store, ${deaths} requests died: 0 wrong histories`,
    );
  });

  const batches = Array.from(
    { length: Math.ceil(seeds / batch) },
    (_, index) => firstSeed + index * batch,
  );
  // Shows G1, G3.
  it.each(batches)('has a linearizable history for the seeds from %s on', async (from) => {
    const worlds: string[] = [];
    for (let seed = from; seed < Math.min(from + batch, firstSeed + seeds); seed += 1) {
      const rerun = `SEED=${seed} npm run test:proof -- simulation`;
      const { history, final, violations, faults, deaths } = await simulate(seed).catch((cause) => {
        throw new Error(`this can be had again: ${rerun}`, { cause });
      });
      const problems = [...violations, ...findContradictions(history, final)];
      expect({ rerun, problems }).toMatchObject({ problems: [] });
      worlds.push(...recordedOf(history, final).map((one) => `${JSON.stringify(one)}\n`));
      sum.requests += history.length;
      sum.faults += faults;
      sum.deaths += deaths;
    }
    const file = join(folder, `${from}.jsonl`);
    writeFileSync(file, worlds.join(''));
    const report = await checkHistory(file);
    expect(report).toMatchObject({ problems: [], verdict: 'Ok' });
    sum.overlapping += report.overlapping * report.operations;
    sum.refused += report.refused * report.operations;
    sum.operations += report.operations;
  });

  it('repeats its run exactly with the same seed', async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { history, final } = await simulate(seed);
      const again = await simulate(seed);
      expect([again.history, [...again.final]]).toEqual([history, [...final]]);
    }
  });
});

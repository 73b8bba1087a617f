/**
 * The power is cut while `npm start` serves writers. A run under strace records every write and
 * sync of its files, and every answer. From that, the disk is reconstructed as it may be after a
 * cut at any moment (support/power/disk.ts).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { readHeld } from '../support/held.ts';
import { addressOf, freshFolder, runLocal } from '../support/local-process.ts';
import { perRun } from '../support/long.ts';
import {
  type CutDisk,
  chooseMoments,
  cutPower,
  differences,
  type Moment,
  momentsOf,
  writeContent,
} from '../support/power/cuts.ts';
import { type Lives, liveFourTimes } from '../support/power/lives.ts';
import { brokenPromises } from '../support/promises.ts';
import { seed } from '../support/seed.ts';

const cuts = perRun(100, 2_000);

let world: Lives;
let moments: readonly Moment[];
beforeAll(async () => {
  world = await liveFourTimes(200);
  moments = momentsOf(world.lives);
});

/** Starts a vault on this folder, and ends it. Throws if it does not serve. */
const start = async (folder: string): Promise<void> => {
  const vault = runLocal('start', [], { VAULT_DATA_DIR: folder, PORT: '0' });
  await addressOf(vault);
  vault.child.kill('SIGTERM');
  expect([await vault.exit, vault.errors]).toEqual([0, []]);
};

/** Returns what is wrong with the vault after the cut. */
const problemsAfter = async (cut: CutDisk): Promise<readonly string[]> => {
  const folder = freshFolder();
  try {
    writeContent(cut.content, world.root, folder);
    const data = join(folder, 'data');
    if (cut.isFirstStart) await start(data);
    const held = await readHeld(data);
    return [
      ...brokenPromises(world.attempts, cut.isPromised, held),
      ...held.violations.map((violation) => JSON.stringify(violation)),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('npm start after the power was cut', () => {
  it('had written exactly what the recorded trace says', () => {
    expect(differences(world, moments)).toEqual([]);
  });

  // Shows G2, G11, G12.
  it('has everything that it acknowledged or showed, no half of a file, and no violation', async () => {
    const random = seeded(seed);
    const places = chooseMoments(world, moments, cuts, random);
    const broken: string[] = [];
    for (const cut of cutPower(world, moments, places, random)) {
      const problems = await problemsAfter(cut).catch((error) => [String(error)]);
      if (problems.length > 0) broken.push(`${cut.about}: ${problems.slice(0, 5).join('; ')}`);
    }
    expect(broken).toEqual([]);
    const answers = moments.filter(
      ({ event, is }) => event.change.kind === 'reply' && is === 'begin',
    );
    printFigure(
      'power cuts',
      `${cuts} cuts of ${moments.length} moments, ${answers.length} answers: 0 lost`,
    );
  });

  it('would be found to have lost writes if the log was not synced', async () => {
    const random = seeded(seed);
    const places = chooseMoments(world, moments, 20, random);
    let lost = 0;
    const isSyncOfLog = ({ change }: Moment['event']) => change.kind === 'sync' && !change.isWhole;
    for (const cut of cutPower(world, moments, places, random, isSyncOfLog)) {
      const problems = await problemsAfter(cut);
      if (problems.some((problem) => problem.startsWith('lost'))) lost += 1;
    }
    expect(lost).toBeGreaterThan(0);
  });
});

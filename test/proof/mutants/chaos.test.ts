/** A run of chaos notices nodes that lack one of their guards. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { mutants } from './chaos/list.ts';
import { tryMutant } from './chaos/run.ts';

jest.setTimeout(400_000);

describe('chaos notices that', () => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  let folder = '';
  beforeAll(() => {
    folder = freshFolder();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
    const found = await tryMutant(mutant, `${folder}/${mutants.indexOf(mutant)}`, seed);
    expect({ seed, found }).toEqual({ seed, found: expect.stringMatching(mutant.noticedAs) });
  });
});

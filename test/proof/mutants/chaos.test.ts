/** A run of chaos notices nodes that lack one of their guards. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { freshFolder } from '../../support/local-process.ts';
import { type Mutant, mutantsOf } from './mutant.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

jest.setTimeout(400_000);

describe('chaos notices that', () => {
  const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop();
  });
  afterAll(() => workshop.close());

  /** The failures that the run of the mutant found, a line each; empty if it noticed nothing. */
  const failuresOf = async ({ test, sentence: options }: Mutant): Promise<string> => {
    expect(await workshop.compile()).toBe('');
    const always = `--seed ${seed} --seconds 150 --folder ${join(freshFolder(), 'run')}`;
    const printed = await workshop.run([`test/${test}.ts`, ...`${always} ${options}`.split(' ')]);
    const failures = printed.split('\n').filter((line) => line.startsWith('FAILED: '));
    if (failures.length === 0 && printed.includes('exit code')) throw new Error(printed);
    return failures.join('\n');
  };

  it.each(mutantsOf('chaos'))('$name', async (mutant) => {
    const found = await workshop.withMutant(mutant, () => failuresOf(mutant));
    expect({ seed, found }).toEqual({ seed, found: expect.stringMatching(/not linearizable/) });
  });
});

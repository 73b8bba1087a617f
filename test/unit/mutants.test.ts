/** The mutants of test/proof/mutants still fit the code and its tests. Whether the tests notice them takes hours. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { areas, mutantsOf } from '../proof/mutants/mutant.ts';

const parameter = /%[sdifjoO#p]|\$\{(?:[^{}]|\{[^{}]*\})*\}|\$\w+(?:\.\w+)*/g;

/**
 * Whether a line holds the sentence, where a parameter of the line stands for any text. At least ten characters of the
 * sentence, or all of a shorter one, must be in the line itself.
 */
const holds = (line: string, sentence: string): boolean => {
  const title = line.replaceAll('\\', '').replace(parameter, '\0');
  /** The places in the title before which a part of the sentence can end, and how much of it they hold. */
  let ends = new Map(Array.from({ length: title.length }, (_, at) => [at, 0]));
  for (const character of sentence.replaceAll('\\', '')) {
    const next = new Map<number, number>();
    for (const [at, own] of ends) {
      const [isAny, behind] = [title[at] === '\0', title[at + 1] === character];
      if (isAny) next.set(at, Math.max(own, next.get(at) ?? 0));
      if (title[at] === character) next.set(at + 1, Math.max(own + 1, next.get(at + 1) ?? 0));
      if (isAny && behind) next.set(at + 2, Math.max(own + 1, next.get(at + 2) ?? 0));
    }
    ends = next;
  }
  return [...ends.values()].some((own) => own >= Math.min(10, sentence.length));
};

describe.each(areas)('the mutants of %s', (area) => {
  const mutants = mutantsOf(area);

  it('differ in name, and each changes a text that its file holds once', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    for (const { name, file, from, to } of mutants) {
      expect([name, from === to]).toEqual([name, false]);
      expect([name, readFileSync(file, 'utf8').split(from).length - 1]).toEqual([name, 1]);
    }
  });

  it('name tests that exist', () => {
    for (const { name, test, sentence } of mutants) {
      const file = ['.test.ts', '.ts'].map((end) => `test/${test}${end}`).find(existsSync) ?? '';
      const lines = readFileSync(file, 'utf8').split('\n');
      // A mutant of chaos has the options of its run instead of a title.
      const isThere = file.endsWith('run.ts') || lines.some((line) => holds(line, sentence));
      expect([name, sentence, isThere]).toEqual([name, sentence, true]);
    }
  });
});

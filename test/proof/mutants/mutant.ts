import { readFileSync } from 'node:fs';

/** A mutant weakens one guard of the vault. The named test must fail on it. */
export type Mutant = {
  /** The wrong behaviour of the vault. */
  readonly name: string;
  readonly file: string;
  /** A text that occurs once in the file, and its replacement, which still passes `tsc`. */
  readonly from: string;
  readonly to: string;
  /** The path below `test/`, without `.test.ts`, and a part of the title of the test that must fail. */
  readonly test: string;
  readonly sentence: string;
};

/** The files of mutants, without `.txt`. In `chaos`, the test is a run of chaos, and the sentence has its options. */
export const areas = ['callers', 'conditions', 'etcd', 'nodes', 'reading', 'sealing', 'chaos'];

/** The line of a mutant: `  - ` removes, `  + ` adds, and `  > ` names the test that notices. */
const marked = (lines: readonly string[], mark: string): string =>
  lines.flatMap((line) => (line.startsWith(`  ${mark} `) ? line.slice(4) : [])).join('\n');

/**
 * The mutants of an area. In its file `== file · test` begins a group, `#` a comment, and a line at the margin a mutant.
 */
export const mutantsOf = (area: string): readonly Mutant[] => {
  const text = readFileSync(`test/proof/mutants/${area}.txt`, 'utf8').replace(/^#.*\n/gm, '');
  const [, ...groups] = text.split(/^== /m);
  return groups.flatMap((group) => {
    const [heading = '', ...mutants] = group.split(/\n+(?=\S)/);
    const [file = '', test = ''] = heading.split(' · ');
    return mutants.map((mutant) => {
      const [name = '', ...lines] = mutant.split('\n');
      const [from, to, sentence] = [marked(lines, '-'), marked(lines, '+'), marked(lines, '>')];
      return { name, file, from, to, test, sentence };
    });
  });
};

import { describe, expect, it } from '@jest/globals';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { readingOf, reasonsOf } from '../../support/env-refusals.ts';
import { contentOf, plan, render } from '../../support/env-runs.ts';
import { scenariosOf } from '../../support/env-scenarios.ts';
import { readWithBash } from '../../support/shells.ts';

const readings = ['same', 'different', 'lines below', 'whole file'];
const effects: Readonly<Record<string, string>> = {
  same: 'reads this line like the grammar',
  different: 'reads this line differently from the grammar',
  'lines below': 'may misread the lines after this one',
  'whole file': 'may misread a whole file with this line',
};
const actions = ['writes', 'changes', 'plans', 'later writes'] as const;
const scenarios = scenariosOf('test/unit/env/dialects.txt', [...readings, ...actions]);
const result = (work: () => string): string => {
  const [refused] = reasonsOf(work);
  return refused === 'nothing was thrown' ? work() : (refused ?? '');
};

describe.each([...scenarios])('the dialect %s', (name, all) => {
  const dialect = name as Dialect;
  const casesOf = (...words: string[]) => all.filter(({ word }) => words.includes(word));

  /**
   * What each verb of a scenario outputs for an input. A refusal is written as its line and its
   * reason.
   */
  const outputs: Readonly<Record<string, (input: string) => string>> = {
    writes: (value) => {
      const written = () => contentOf('A=secret(X)\n', expanding(value));
      return result(written).replace(/\n$/, '');
    },
    changes: (input) => {
      const [value = '', file = ''] = input.split(' into ');
      return result(() => contentOf(file, expanding(value)));
    },
    plans: (file) => {
      const reasons = reasonsOf(() => plan(file, { mode: 'expand', dialect }));
      return reasons.join(', ');
    },
    'later writes': (value) => {
      const options = { dialect, values: { N: '1' }, secrets: { X: value } };
      return result(() => contentOf('A=secret(X)\nB=enc(N)\n', options)).replace(/\nB=.*\n$/, '');
    },
  };
  const expanding = (value: string) =>
    ({ mode: 'expand', dialect, secrets: { X: value } }) as const;

  it.each(casesOf(...actions))('$text', ({ word, input, output }) => {
    expect(outputs[word]?.(input)).toBe(output);
  });

  it.each(casesOf(...readings).map((one) => ({ ...one, effect: effects[one.word] })))(
    '$effect: $input',
    ({ word, input }) => {
      expect(readingOf(dialect, input)).toBe(word);
    },
  );
});

describe('bash', () => {
  const shell = scenarios.get('shell') ?? [];
  const linesRead = (reading: string) =>
    shell.flatMap(({ word, input }) => (word === reading ? [input] : []));

  it('reads an unchanged line as the grammar does, if there is no warning', () => {
    const lines = linesRead('same').flatMap((text) => {
      const [line] = parseFile(`${text}\n`).lines;
      return line?.kind === 'assignment'
        ? [{ text, key: line.key, value: line.value.decoded }]
        : [];
    });
    const files = lines.map(({ text, key }) => ({ text: `${text}\nZ=1\n`, keys: [key, 'Z'] }));
    const wanted = lines.map(({ value }) => [value, '1']);
    expect(readWithBash(files)).toEqual(wanted);
  });

  it('reads a resolved value exactly, even after an unchanged line with a warning', () => {
    const value = `it's "$x" \`y\` \\`;
    // readWithBash reads each file in a subshell, and bash ends that subshell when the file assigns
    // to a read-only name such as UID. So that line is left out.
    const lines = linesRead('different').filter((line) => line !== 'UID=1');
    const files = lines.map((line) => {
      const { content } = render(`${line}\nT=secret(X)\n`, { secrets: { X: value } });
      return { text: content, keys: ['T'] };
    });
    const read = readWithBash(files);
    expect(files.filter((_, index) => read[index]?.[0] !== value)).toEqual([]);
    expect(files.length).toBeGreaterThan(20);
  });

  it('changes the values of certain names, which the vault refuses, and of no name that the vault accepts', () => {
    const changed =
      `_ BASHOPTS BASHPID BASH_COMMAND BASH_VERSINFO EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD
      LINENO OPTIND PPID RANDOM SECONDS SHELLOPTS SRANDOM UID`.split(/\s+/);
    const kept = 'IFS PATH HOME export if time BASH_ENV LANG PS1 PWD'.split(' ');
    const names = [...changed, ...kept];
    const files = names.map((key) => ({ text: `${key}='va lue'\nZ=1\n`, keys: [key, 'Z'] }));
    const read = readWithBash(files);
    expect(names.filter((_, index) => read[index]?.join() !== 'va lue,1')).toEqual(changed);
    const refused = (name: string) => reasonsOf(() => plan(`${name}=secret(X)\n`)).join();
    // BASH_ARGV0 keeps its value, but bash does not pass it to programs.
    for (const name of [...changed, 'BASH_ARGV0'])
      expect([name, refused(name)]).toEqual([name, '1 key']);
    for (const name of kept) expect([name, refused(name)]).toEqual([name, 'nothing was thrown']);
  });
});

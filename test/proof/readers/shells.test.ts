import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { isShellOwn } from '../../../functions/env/dialects/shell.ts';
import { readWithShell } from '../../support/shells.ts';

/** Returns the names of the variables that a shell has when it starts. */
const namesOf = (program: string, args: readonly string[]): string[] =>
  execFileSync(program, args)
    .toString('utf8')
    .split('\n')
    .flatMap((line) => /^[A-Za-z_]\w*/.exec(line) ?? []);
const known = [
  ...namesOf('bash', ['--norc', '-c', 'compgen -v']),
  ...namesOf('dash', ['-c', 'set']),
  ...namesOf('zsh', ['-f', '-c', 'print -l $parameters[(I)*]']),
];

describe.each(['bash', 'dash', 'zsh'] as const)('the shell %s', (shell) => {
  it('reads back a value under every variable name of bash, dash and zsh, except its reserved names', () => {
    const names = [...new Set(known)].filter((name) => !isShellOwn(name));
    expect(names.length).toBeGreaterThan(50);
    for (const value of ['va lue', '7', 'a[$(exit 3)]']) {
      for (const exported of ['', 'export ']) {
        const files = names.map((name) => ({
          text: `${exported}${name}='${value}'\nZ=1\n`,
          keys: [name, 'Z'],
        }));
        const read = readWithShell(shell, files);
        const wrong = names.filter(
          (_, index) => JSON.stringify(read[index]) !== JSON.stringify([value, '1']),
        );
        expect({ value, exported, wrong }).toEqual({ value, exported, wrong: [] });
      }
    }
  });
});

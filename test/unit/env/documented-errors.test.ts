import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { planFile } from '../../../functions/env/references.ts';
import { VaultError } from '../../../functions/model/errors.ts';

type Mode = Parameters<typeof planFile>[0]['mode'];

/** The rows of the table of codes in docs/env.md: code, route, file, values. */
const rows = readFileSync('docs/env.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| `\w+` \| (?:encrypt|expand|submit) \|/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, 5)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );

const codesOf = (mode: Mode, file: string, values: string): string[] => {
  const content = file.replaceAll('\\n', '\n').replaceAll('\\r', '\r');
  const given = new Map(Object.entries(JSON.parse(values || '{}') as Record<string, string>));
  try {
    planFile({ content, values: given, dialect: 'shell', mode });
    return [];
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return (error.members.errors ?? []).map(({ code }) => code);
  }
};

describe('the table of codes in docs/env.md', () => {
  it.each(rows)('is right about %s', (code = '', mode = '', file = '', values = '') => {
    expect(codesOf(mode as Mode, file, values)).toEqual([code]);
  });

  it('names every code that a file alone can get', () => {
    const source = readFileSync('functions/model/errors.ts', 'utf8');
    const union = source.slice(source.indexOf('type FileErrorCode ='));
    const all = union.slice(0, union.indexOf(';')).match(/(?<=')\w+(?=')/g) ?? [];
    const told = rows.map(([code]) => code);
    expect([...told, 'not_found', 'secret_exists'].toSorted()).toEqual(all.toSorted());
  });
});

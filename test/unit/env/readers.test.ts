import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { envReadings, type Finding, type Reading } from '../../support/env-readings.ts';
import { render } from '../../support/env-runs.ts';

/**
 * What a reader found, in sorted order so that two can be compared. `null` if it rejects the file.
 */
const textOf = (values: Finding): string =>
  JSON.stringify(values && Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

const byReader = ({ readers }: Reading) =>
  new Map([...readers].map(([name, values]) => [name, textOf(values)]));

const byGrammar = ({ reads }: Reading): string => textOf(reads);

describe('the warning reader_disagrees', () => {
  const readable = envReadings.filter(
    ({ input, errors }) => errors.length === 0 && !/(?:secret|enc)\(/.test(input),
  );

  it.each([
    ['shell', ['bash']],
    ['compose', ['docker compose']],
    ['docker', ['docker run']],
    ['node', ['node', 'dotenv']],
    ['dotenv', ['node', 'dotenv']],
    ['python', ['python-dotenv']],
    ['ruby', ['gem dotenv']],
    ['php', ['phpdotenv']],
  ] as const)(
    'appears for %s whenever a reader of it was measured to read something else than the vault',
    (dialect, names) => {
      const silent = readable.filter((one) => {
        const readers = byReader(one);
        const agreed = names.every((name) => readers.get(name) === byGrammar(one));
        return !agreed && render(one.input, { mode: 'expand', dialect }).warnings.length === 0;
      });
      expect(silent.map(({ id }) => id)).toEqual([]);
    },
  );

  it('never appears for shell where bash was measured to agree with the vault', () => {
    const needless = readable.filter(
      (one) =>
        byReader(one).get('bash') === byGrammar(one) && render(one.input).warnings.length > 0,
    );
    expect(needless.map(({ id }) => id)).toEqual([]);
  });
});

describe('the grammar, compared with eleven readers,', () => {
  /**
   * Returns what more than half of the readers found; `undefined` if no finding is that frequent.
   */
  const majority = (one: Reading): string | undefined => {
    const findings = [...byReader(one).values()];
    expect(findings).toHaveLength(11);
    return findings.find((found) => findings.filter((other) => other === found).length > 5);
  };

  it('differs from most of them in exactly the cases that docs/env.md lists', () => {
    const page = readFileSync('docs/env.md', 'utf8');
    const [, after = ''] = page.split('\n## Where the vault differs from most readers\n');
    const [section = ''] = after.split('\n## ');
    const listed = [...section.matchAll(/^- (`.*?`): /gm)].flatMap(([, ids = '']) =>
      [...ids.matchAll(/`([a-z0-9-]+)`/g)].map(([, id]) => id),
    );
    const differing = envReadings.filter((one) => majority(one) !== byGrammar(one));
    expect([...listed].sort()).toEqual(differing.map(({ id }) => id).sort());
  });

  it('differs from most of them without an error only for values that they expand, cut at a # or give other line ends', () => {
    const silent = envReadings.filter(
      (one) => one.errors.length === 0 && majority(one) !== byGrammar(one),
    );
    expect(silent.map(({ id }) => id).sort()).toEqual([
      'crlf-quoted',
      'expand-dq',
      'expand-forward',
      'expand-undefined',
      'hash-first',
      'hash-no-space',
    ]);
  });
});

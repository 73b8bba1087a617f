import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { render, unlessRefused } from '../../support/env-runs.ts';
import { seed } from '../../support/seed.ts';

/**
 * Runs dotenv-expand on files, records its commands instead of running them, and prints one line
 * for each.
 */
const program = `
  const { readFileSync, writeSync } = require('node:fs');
  const ran = [];
  require('node:child_process').execSync = (command) => { ran.push(command); return 'output $'; };
  const { parse } = require('dotenv');
  const { expand } = require('dotenv-expand');
  for (const text of JSON.parse(readFileSync(0, 'utf8'))) {
    ran.length = 0;
    const { parsed } = expand({ parsed: parse(text), processEnv: {} });
    writeSync(1, JSON.stringify({ ran, found: parsed }) + '\\n');
  }`;

type Outcome = {
  readonly ran: readonly string[];
  readonly found: Readonly<Record<string, string>>;
};

/**
 * dotenv-expand may loop forever. The child is killed after 30 s, and the failure shows the current
 * file.
 */
const expandInChild = (texts: readonly string[]): Outcome[] => {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    input: JSON.stringify(texts),
    env: {},
    timeout: 30_000,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 28,
    encoding: 'utf8',
  });
  const outcomes = stdout.split('\n').slice(0, -1);
  expect({ seed, stopsAt: texts[outcomes.length], stderr }).toEqual({ seed, stderr: '' });
  return outcomes.map((line) => JSON.parse(line));
};

const pieces = (all: readonly string[], maxLength: number) =>
  fc.array(fc.constantFrom(...all), { minLength: 1, maxLength }).map((some) => some.join(''));

const braces = (text: string): string => `\${${text}}`;
const secret = pieces(['(id)', '(id)', 'id', ':-', '$}', ...`$$$(){}\\&'\`xB1 `], 4);
const nested = braces(`X:-${braces('B')}`);
const reading = ['$B', '$C', '$D', '$E', braces('B'), braces('C'), braces('D'), nested];
const joining = [':', '/', '@', 'x', '1', ' ', ...['(id)', '{', '}', ')', '(', 'B', 'X', '&']];
const defaults = [':-x', ':+y', ':-$', ':-$B', '-', '$B', ...['B', 'C'].map(braces)];
const withDefault = defaults.map((one) => braces(`X${one}`));
const loose = ['$', '$$', '\\', '\\$', '$(id)', '${', '${X:-', '$1', '$&', '`', '#'];
const kept = fc.oneof(
  { weight: 3, arbitrary: pieces([...reading, ...joining], 5) },
  { weight: 1, arbitrary: pieces([...joining, ...loose], 3) },
  { weight: 2, arbitrary: pieces([...reading, ...joining, ...loose, ...withDefault], 4) },
);
const quoted = fc
  .tuple(fc.constantFrom("'", "'", '"', ''), kept)
  .map(([quote, text]) => `${quote}${text}${quote}`);

const file = fc.record({
  secrets: fc.record({ B: secret, C: secret }),
  lines: fc
    .tuple(quoted, quoted, quoted)
    .map(([a, d, e]) => [`A=${a}`, `D=${d}`, `E=${e}`])
    .chain((own) => fc.shuffledSubarray([...own, 'B=secret(B)', 'C=secret(C)'], { minLength: 3 })),
});

const accepted = fc.sample(file, { numRuns: 20_000, seed }).flatMap(({ secrets, lines }) => {
  const text = `${lines.join('\n')}\n`;
  const options = { mode: 'expand', dialect: 'dotenv', secrets } as const;
  const rendered = unlessRefused(() => render(text, options));
  if (!rendered || !text.includes('secret(')) return [];
  const { content, warnings } = rendered;
  return [{ content, warned: warnings.length > 0, secrets, lines }];
});

const name = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g;

/**
 * Returns the values that the author expects. Each name in a value is replaced once. Lines that do
 * more than join names are left out, and so are these lines of a file with a warning.
 */
const meaningOf = (file: (typeof accepted)[number]): Record<string, string> => {
  const { warned, secrets, lines } = file;
  const known = new Map<string, string | undefined>();
  for (const line of lines) {
    const key = line.slice(0, 1);
    if (key === 'B' || key === 'C') known.set(key, secrets[key]);
    else known.set(key, warned ? undefined : joined(line, known));
  }
  const told = [...known].flatMap(([key, is]) => (is === undefined ? [] : [[key, is]]));
  return Object.fromEntries(told);
};

const joined = (line: string, known: ReadonlyMap<string, string | undefined>) => {
  const [, text] = /^.='(.*)'$/.exec(line) ?? [];
  if (text === undefined || /[$\\]/.test(text.replace(name, ''))) return undefined;
  const names = [...text.matchAll(name)].map(([, bare, braced]) => bare ?? braced ?? '');
  if (names.some((one) => known.has(one) && known.get(one) === undefined)) return undefined;
  return text.replace(name, (_, bare, braced) => known.get(bare ?? braced) ?? '');
};

describe('dotenv-expand, for a file with resolved values,', () => {
  const outcomes = expandInChild(accepted.map(({ content }) => content));

  it('runs only commands in the author’s own lines that refer to no other line', () => {
    const alone = accepted.map(({ lines }) =>
      lines.filter((line) => !/secret\(|\$\{?[A-Za-z_]/.test(line)).join('\n'),
    );
    const allowed = expandInChild(alone);
    for (const [index, { ran }] of outcomes.entries()) {
      const seen = { seed, content: accepted[index]?.content };
      expect({ ...seen, ran }).toEqual({ ...seen, ran: allowed[index]?.ran });
    }
    expect(accepted.length).toBeGreaterThan(3_000);
  });

  it('does not change resolved values, not even where it joins them', () => {
    let joins = 0;
    for (const [index, { found }] of outcomes.entries()) {
      const one = accepted[index];
      const meaning = one ? meaningOf(one) : {};
      const seen = { seed, content: one?.content };
      expect({ ...seen, found }).toMatchObject({ ...seen, found: meaning });
      if (Object.keys(meaning).some((key) => 'ADE'.includes(key))) joins++;
    }
    expect(joins).toBeGreaterThan(1_000);
  });
});

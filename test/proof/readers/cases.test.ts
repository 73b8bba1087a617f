import { describe, expect, it } from '@jest/globals';
import { readWithExpand } from '../../support/node-readers.ts';
import measured from '../../vectors/env-readers.json' with { type: 'json' };
import { type Found, readWithGo, readWithPython } from './programs.ts';
import { readersOf, sorted } from './readers.ts';

const inputs = measured.cases.map(({ input }) => input);

const [node, dotenv, fast] = readersOf.dotenv;
const readers: readonly (readonly [string, (texts: readonly string[]) => Found[] | undefined])[] = [
  ['node', (texts) => node?.read(texts)],
  ['dotenv', (texts) => dotenv?.read(texts)],
  ['dotenv', (texts) => fast?.read(texts)],
  ['dotenv-expand', (texts) => texts.map((text) => readWithExpand(text, { OUTER: 'env' }))],
  ['docker compose', (texts) => readWithGo('compose', texts, 'unset')],
  ['docker run', (texts) => readWithGo('docker', texts, 'unset')],
  ['python-dotenv', (texts) => readWithPython(texts, 'unset')],
];

describe('the recorded readings of .env readers', () => {
  it.each(readers)('equal what %s reads now', (name, read) => {
    const found = read(inputs)?.map((one) => (typeof one === 'string' ? null : sorted(one)));
    const recorded = measured.cases.map(({ readers: all }) => {
      const values = new Map<string, unknown>(Object.entries(all)).get(name);
      return values ? sorted(new Map(Object.entries(values))) : null;
    });
    expect(found).toEqual(recorded);
  });
});

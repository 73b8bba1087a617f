import { describe, expect, it } from '@jest/globals';
import { envReadings } from '../../support/env-readings.ts';
import { readWithExpand } from '../../support/node-readers.ts';
import { type Finding, readWithGo, readWithPhp, readWithPython, readWithRuby } from './programs.ts';
import { readersOf } from './readers.ts';

const inputs = envReadings.map(({ input }) => input);

const [node, dotenv, fast] = readersOf.dotenv;
const readers: readonly (readonly [string, (texts: readonly string[]) => Finding[] | undefined])[] =
  [
    ['node', (texts) => node?.read(texts)],
    ['dotenv', (texts) => dotenv?.read(texts)],
    ['dotenv', (texts) => fast?.read(texts)],
    ['dotenv-expand', (texts) => texts.map((text) => readWithExpand(text, { OUTER: 'env' }))],
    ['docker compose', (texts) => readWithGo('compose', texts, 'unset')],
    ['docker run', (texts) => readWithGo('docker', texts, 'unset')],
    ['python-dotenv', (texts) => readWithPython(texts, 'unset')],
    ['gem dotenv', (texts) => readWithRuby(texts, 'unset')],
    ['phpdotenv', (texts) => readWithPhp(texts, 'unset')],
  ];

describe('the recorded readings of .env readers', () => {
  it.each(readers)('equal what %s reads now', (name, read) => {
    const found = read(inputs)?.map((one) =>
      typeof one === 'string' ? null : Object.fromEntries(one),
    );
    expect(found).toEqual(envReadings.map((reading) => reading.readers.get(name)));
  });
});

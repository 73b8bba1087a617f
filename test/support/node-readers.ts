/** The readers of `.env` files that Node programs use, unmodified. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';

type Values = ReadonlyMap<string, string>;

const asMap = (values: object): Values => new Map(Object.entries(values));

/**
 * Each reader, with a function that returns the values it finds, by key: Node, npm dotenv, and npm
 * dotenv's faster parser.
 */
export const nodeReaders: readonly (readonly [string, (text: string) => Values])[] = [
  ['node', (text) => asMap(parseEnv(text))],
  ['dotenv', (text) => asMap(parse(text))],
  ['dotenv, fast', (text) => asMap(parse(text, { fast: true }))],
];

/**
 * Reads with npm dotenv and expands with dotenv-expand. `environment` has the names that the text
 * refers to but does not set.
 */
export const readWithExpand = (text: string, environment: Record<string, string> = {}): Values =>
  asMap(expand({ parsed: parse(text), processEnv: { ...environment } }).parsed ?? {});

/**
 * Starts a process with `node --env-file` for each of these files, and returns the environments of
 * the processes.
 */
export const readWithNodeProcess = (texts: readonly string[]): Values[] => {
  const folder = mkdtempSync(join(tmpdir(), 'env-'));
  try {
    return texts.map((text) => {
      const path = join(folder, 'file.env');
      writeFileSync(path, text);
      const print = 'process.stdout.write(JSON.stringify(process.env))';
      const args = [`--env-file=${path}`, '-e', print];
      const options = { env: {}, maxBuffer: 2 ** 28 };
      return asMap(JSON.parse(execFileSync(process.execPath, args, options).toString('utf8')));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

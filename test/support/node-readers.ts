/** The unchanged readers of `.env` files that Node programs use. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse } from 'dotenv';
import { expand } from 'dotenv-expand';

type Values = ReadonlyMap<string, string>;

const asMap = (values: object): Values => new Map(Object.entries(values));

/** The readers with the values that they find in a file, by key: Node, npm dotenv, and npm dotenv's faster parser. */
export const nodeReaders: readonly (readonly [string, (text: string) => Values])[] = [
  ['node', (text) => asMap(parseEnv(text))],
  ['dotenv', (text) => asMap(parse(text))],
  ['dotenv, fast', (text) => asMap(parse(text, { fast: true }))],
];

/** Expands with dotenv-expand what npm dotenv finds. `environment` is empty except for names in these files. */
export const readWithExpand = (text: string, environment: Record<string, string> = {}): Values =>
  asMap(expand({ parsed: parse(text), processEnv: { ...environment } }).parsed ?? {});

/** For each file, the environment of a process that `node --env-file` starts. */
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

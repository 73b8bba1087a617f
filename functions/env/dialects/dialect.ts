/** All dialects. A new dialect needs a file in this folder and a line below. */
import { compose } from './compose.ts';
import { docker } from './docker.ts';
import { dotenv } from './dotenv.ts';
import { node } from './node.ts';
import { python } from './python.ts';
import { shell } from './shell.ts';
import type { Writer } from './writer.ts';

/** `{"KEY":"value"}` in the order of the file. Every value is exact. */
const json: Writer = {
  write: (line, value) => `${JSON.stringify(line.key)}:${JSON.stringify(value)}`,
  refuse: () => new Map(),
  disagrees: () => false,
  frame: { open: '{', between: ',', close: '}' },
};

const writers = { shell, compose, docker, node, dotenv, python, json };

export type Dialect = keyof typeof writers;

export const dialectNames = Object.keys(writers).join(', ');

/** The dialects of `.env` files, which are expanded later. */
export type TextDialect = Exclude<Dialect, 'json'>;

export const textDialectNames = Object.keys(writers)
  .filter((name) => name !== 'json')
  .join(', ');

export const isDialect = (text: string): text is Dialect => Object.hasOwn(writers, text);

export const isTextDialect = (text: string): text is TextDialect =>
  isDialect(text) && text !== 'json';

export const writerOf = (dialect: Dialect): Writer => writers[dialect];

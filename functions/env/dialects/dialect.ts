/** All dialects. A new dialect needs a file in this folder and a line below. */
import { compose } from './compose.ts';
import { docker } from './docker.ts';
import { dotenv } from './dotenv.ts';
import { node } from './node.ts';
import { php } from './php.ts';
import { python } from './python.ts';
import { ruby } from './ruby.ts';
import { shell } from './shell.ts';
import type { Writer } from './writer.ts';

/**
 * The dialect `json`: the reply is one JSON object of keys and values, `{"KEY":"value"}`, in the
 * order of the file. Every value can be written.
 */
const json: Writer = {
  write: (line, value) => `${JSON.stringify(line.key)}:${JSON.stringify(value)}`,
  refuse: () => new Map(),
  disagrees: () => false,
  expands: () => false,
  frame: { open: '{', between: ',', close: '}' },
};

const writers = { shell, compose, docker, node, dotenv, python, ruby, php, json };

export type Dialect = keyof typeof writers;

export const dialectNames = Object.keys(writers).join(', ');

/**
 * The dialects of `.env` files: all except `json`. Files in these dialects can contain references
 * that are expanded later.
 */
export type TextDialect = Exclude<Dialect, 'json'>;

export const textDialectNames = Object.keys(writers)
  .filter((name) => name !== 'json')
  .join(', ');

export const isDialect = (text: string): text is Dialect => Object.hasOwn(writers, text);

export const isTextDialect = (text: string): text is TextDialect =>
  isDialect(text) && text !== 'json';

export const writerOf = (dialect: Dialect): Writer => writers[dialect];

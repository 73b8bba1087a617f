/** The dialects there are. A new one is a file beside this and a line below. */
import { json } from './json.ts';
import { shell } from './shell.ts';
import type { Writer } from './writer.ts';

const writers = { shell, json };

export type Dialect = keyof typeof writers;

/** Whether a caller's word names a dialect. */
export const isDialect = (text: string): text is Dialect => Object.hasOwn(writers, text);

export const writerOf = (dialect: Dialect): Writer => writers[dialect];

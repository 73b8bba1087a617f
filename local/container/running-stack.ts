/** How `npm run sam` finds the stack that `npm run stack` keeps running on a folder. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { isRunning, processRecord, recordOf } from '../child.ts';
import { readFileIfPresent, replaceFile } from '../data-folder.ts';
import type { Stack } from './stack.ts';

const endpoints = v.object({ dynamodb: v.string(), kms: v.string() });
const running = v.object({
  process: processRecord,
  tableName: v.string(),
  masterKeyId: v.string(),
  endpoints,
  localEndpoints: endpoints,
  samPrograms: v.string(),
});

const fileOf = (folder: string): string => join(folder, 'stack.json');

/** Tells where this process's stack is found. Call `forgetStack` before it ends. */
export const rememberStack = (folder: string, stack: Stack): void => {
  replaceFile(fileOf(folder), JSON.stringify({ process: recordOf(process.pid), ...stack }));
};

export const forgetStack = (folder: string): void => rmSync(fileOf(folder), { force: true });

/** The stack that another process runs on the folder; `undefined` if none does, also where one was killed. */
export const findStack = (folder: string): Stack | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  if (text === undefined) return undefined;
  const { process: record, ...stack } = v.parse(running, JSON.parse(text));
  if (!isRunning(record)) return undefined;
  return { ...stack, failed: new Promise(() => undefined), close: async () => undefined };
};

/** Lets `npm run sam` find the stack that `npm run stack` keeps running on a folder. */
import { join } from 'node:path';
import * as v from 'valibot';
import { find, forget, remember } from '../host/running-record.ts';
import type { Stack } from './stack.ts';

const endpoints = v.object({ dynamodb: v.string(), kms: v.string() });
const running = v.object({
  tableName: v.string(),
  masterKeyId: v.string(),
  endpoints,
  localEndpoints: endpoints,
  samPrograms: v.string(),
});

const fileOf = (folder: string): string => join(folder, 'stack.json');

/** Records the addresses of this process's stack. Call `forgetStack` before it ends. */
export const rememberStack = (folder: string, stack: Stack): void =>
  remember(fileOf(folder), stack);

export const forgetStack = (folder: string): void => forget(fileOf(folder));

/**
 * Finds the stack that another process runs on the folder; `undefined` if none runs, also if its process was killed.
 */
export const findStack = (folder: string): Stack | undefined => {
  const stack = find(fileOf(folder), running);
  return stack && { ...stack, failed: new Promise(() => undefined), close: async () => undefined };
};

/** Lets the commands of `npm run localstack` find the LocalStack that one of them keeps running on a folder. */
import { join } from 'node:path';
import * as v from 'valibot';
import { find, forget, remember } from '../host/running-record.ts';
import type { Cloud } from './cloud.ts';

const running = v.object({
  endpoint: v.string(),
  samPrograms: v.string(),
  awsPrograms: v.string(),
  /** The address of the vault, once it is deployed. */
  url: v.optional(v.string()),
});

export type RunningCloud = Omit<Cloud, 'failed' | 'close'> & {
  readonly url?: string | undefined;
};

const fileOf = (folder: string): string => join(folder, 'cloud.json');

/** Records the address of this process's LocalStack. Call `forgetCloud` before it ends. */
export const rememberCloud = (folder: string, cloud: Cloud, url?: string): void =>
  remember(fileOf(folder), { ...cloud, url });

export const forgetCloud = (folder: string): void => forget(fileOf(folder));

/**
 * Finds the LocalStack that another process runs on the folder; `undefined` if none runs, also if its process was
 * killed.
 */
export const findCloud = (folder: string): RunningCloud | undefined =>
  find(fileOf(folder), running);

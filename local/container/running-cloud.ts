/** How the commands of `npm run localstack` find the LocalStack that one of them keeps running on a folder. */
import { join } from 'node:path';
import * as v from 'valibot';
import type { Cloud } from './cloud.ts';
import { find, forget, remember } from './running-record.ts';

const running = v.object({
  endpoint: v.string(),
  samPrograms: v.string(),
  awsPrograms: v.string(),
});

export type RunningCloud = Omit<Cloud, 'failed' | 'close'>;

const fileOf = (folder: string): string => join(folder, 'cloud.json');

/** Tells where this process's LocalStack is found. Call `forgetCloud` before it ends. */
export const rememberCloud = (folder: string, cloud: Cloud): void =>
  remember(fileOf(folder), cloud);

export const forgetCloud = (folder: string): void => forget(fileOf(folder));

/** The LocalStack that another process runs on the folder; `undefined` if none does, also where one was killed. */
export const findCloud = (folder: string): RunningCloud | undefined =>
  find(fileOf(folder), running);

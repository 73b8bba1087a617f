/** The record of the vault that `npm run stack` runs on a folder. Its other commands and `npm run token` find it there. */
import { join } from 'node:path';
import * as v from 'valibot';
import type { Stack } from '../containers/stack.ts';
import { createRecord } from '../process/process-record.ts';

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Lies beside the token key, so that `npm run token` makes tokens for it, and apart from the data of `npm start`. */
export const stackFolderOf = (dataFolder: string): string => join(dataFolder, 'stack');

/** The same folder for LocalStack with the whole template. */
export const localstackFolderOf = (dataFolder: string): string => join(dataFolder, 'localstack');

const cloud = v.object({
  endpoint: v.string(),
  samPrograms: v.string(),
  awsPrograms: v.string(),
  /** The address of the vault, once it is deployed. */
  url: v.optional(v.string()),
});
export type RunningCloud = v.InferOutput<typeof cloud>;

/** The LocalStack with the whole template. */
export const {
  remember: rememberCloud,
  forget: forgetCloud,
  find: findCloud,
} = createRecord('cloud.json', cloud);

/** The vault that SAM serves. */
export const {
  remember: rememberSam,
  forget: forgetSam,
  find: findSam,
} = createRecord('sam.json', v.object({ url: v.string() }));

const endpoints = v.object({ dynamodb: v.string(), kms: v.string() });
const stack = createRecord(
  'stack.json',
  v.object({
    vaultId: v.string(),
    tableName: v.string(),
    masterKeyId: v.string(),
    endpoints,
    localEndpoints: endpoints,
    samPrograms: v.string(),
  }),
);

/** The services of SAM's functions. */
export const { remember: rememberStack, forget: forgetStack } = stack;

/** The stack of another process, which this process neither watches nor closes. */
export const findStack = (folder: string): Stack | undefined => {
  const found = stack.find(folder);
  return found && { ...found, failed: new Promise(() => undefined), close: async () => undefined };
};

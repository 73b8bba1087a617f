/** How the other commands find the vault that runs on a data folder. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { isRunning, processRecord, recordOf } from './child.ts';
import { readFileIfPresent, replaceFile } from './data-folder.ts';

const running = v.object({
  process: processRecord,
  url: v.string(),
  dynamodbEndpoint: v.string(),
  kmsEndpoint: v.string(),
  /** Whether the KMS is the embedded one, whose access key is in the data folder. */
  kmsIsLocal: v.boolean(),
  tableName: v.string(),
  masterKeyId: v.string(),
});
/** A vault that runs now: where it listens, and what its functions were told. */
export type Running = Omit<v.InferOutput<typeof running>, 'process'>;

const fileOf = (folder: string): string => join(folder, 'running.json');

/** Tells where this process's vault is found. Call `forgetRunning` before it ends. */
export const rememberRunning = (folder: string, vault: Running): void => {
  const record = { process: recordOf(process.pid), ...vault };
  replaceFile(fileOf(folder), JSON.stringify(record, undefined, 2));
};

export const forgetRunning = (folder: string): void => rmSync(fileOf(folder), { force: true });

/** The vault that runs on the folder; `undefined` if none does, also where one was killed. */
export const findRunning = (folder: string): Running | undefined => {
  const text = readFileIfPresent(fileOf(folder));
  if (text === undefined) return undefined;
  const { success, output } = v.safeParse(running, JSON.parse(text));
  if (!success) return undefined;
  const { process: record, ...vault } = output;
  return isRunning(record) ? vault : undefined;
};

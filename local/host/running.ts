/** Lets the other commands find the vault that runs on a data folder. */
import { join } from 'node:path';
import * as v from 'valibot';
import { find, forget, remember } from './running-record.ts';

const running = v.object({
  /** This is empty for the master key of a cluster, which is not a vault. */
  url: v.string(),
  dynamodbEndpoint: v.string(),
  kmsEndpoint: v.string(),
  /** Whether the KMS is the embedded one, whose access key is in the data folder. */
  kmsIsLocal: v.boolean(),
  tableName: v.string(),
  masterKeyId: v.string(),
  /** Whether the vault takes the tokens of the local issuer; otherwise another issuer is configured. */
  takesLocalTokens: v.boolean(),
});
/** A running vault: its address, and the settings of its functions. */
export type Running = v.InferOutput<typeof running>;

const fileOf = (folder: string): string => join(folder, 'running.json');

/** Records the address of this process's vault. Call `forgetRunning` before it ends. */
export const rememberRunning = (folder: string, vault: Running): void =>
  remember(fileOf(folder), vault);

export const forgetRunning = (folder: string): void => forget(fileOf(folder));

/** Finds the vault that runs on the folder; `undefined` if none runs, also if its process was killed. */
export const findRunning = (folder: string): Running | undefined => find(fileOf(folder), running);

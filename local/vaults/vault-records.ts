/**
 * The records of the vaults that run on this machine, each in the folder that its vault runs on: `npm start` and each
 * node (`running.json`), `npm run cluster`, and `npm run stack` with its commands.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import type { Stack } from '../containers/stack.ts';
import { createRecord } from '../process/process-record.ts';

const running = v.object({
  url: v.string(),
  /** The certificate that it shows now, in PEM. Absent if it serves HTTP. */
  certificate: v.optional(v.string()),
  /** Absent if the data are in the folder itself, as those of a node are. */
  dynamodbEndpoint: v.optional(v.string()),
  /** The file of the master key; absent if the key is in a KMS. */
  masterKeyFile: v.optional(v.string()),
  /** The address of that KMS, unless it is the one of AWS. */
  kmsEndpoint: v.optional(v.string()),
  vaultId: v.string(),
  tableName: v.string(),
  masterKeyId: v.string(),
  /** Whether the vault takes the tokens of the local issuer; otherwise another issuer is configured. */
  takesLocalTokens: v.boolean(),
});
/** A running vault: its address, and the settings of its functions. */
export type RunningVault = v.InferOutput<typeof running>;

/** The cluster whose nodes `npm run cluster` has started on a folder. */
export const clusterRecord = createRecord('cluster-running.json', v.object({}));

/** The vault, or the node, that runs on a folder. */
export const runningRecord = createRecord('running.json', running);

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
export const cloudRecord = createRecord('cloud.json', cloud);

/** The vault that SAM serves. */
export const samRecord = createRecord('sam.json', v.object({ url: v.string() }));

/** The services of SAM's functions. */
export const stackRecord = createRecord(
  'stack.json',
  v.object({
    vaultId: v.string(),
    tableName: v.string(),
    masterKeyId: v.string(),
    endpoints: v.object({ dynamodb: v.string(), kms: v.string() }),
    samPrograms: v.string(),
  }),
);

/** The stack of another process, which this process neither watches nor closes. */
export const findStack = (folder: string): Stack | undefined => {
  const found = stackRecord.find(folder);
  return found && { ...found, failed: new Promise(() => undefined), close: async () => undefined };
};

/**
 * The records of the vaults that run on this machine, each in the folder of its vault: of `npm
 * start` and each node (`running.json`), of `npm run cluster`, and of `npm run stack` with its
 * commands.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { createRecord } from './process-record.ts';

const running = v.object({
  url: v.string(),
  /** The certificate that the vault serves now, in PEM. Absent if it serves HTTP. */
  certificate: v.optional(v.string()),
  /**
   * The address of the DynamoDB in which the vault has its data. Absent if the data is in the
   * vault's folder itself, as that of a node is.
   */
  dynamodbEndpoint: v.optional(v.string()),
  /** The file of the master key; absent if the key is in a KMS. */
  masterKeyFile: v.optional(v.string()),
  /**
   * The address of the KMS that has the master key. Absent if that is the KMS of AWS, or if the key
   * is in a file.
   */
  kmsEndpoint: v.optional(v.string()),
  vaultId: v.string(),
  tableName: v.string(),
  masterKeyId: v.string(),
  /**
   * Whether the vault accepts the tokens of the local issuer. If not, another issuer is configured.
   */
  takesLocalTokens: v.boolean(),
});
/** A running vault: its address, and its settings. */
export type RunningVault = v.InferOutput<typeof running>;

/** The record of a cluster whose nodes `npm run cluster` has started on a folder. */
export const clusterRecord = createRecord('cluster-running.json', v.object({}));

/** The record of the vault, or the node, that runs on a folder. */
export const runningRecord = createRecord('running.json', running);

/**
 * Returns the folder of the stack with SAM. It is next to the token key, so that `npm run token`
 * makes tokens for it, and separate from the data of `npm start`.
 */
export const stackFolderOf = (dataFolder: string): string => join(dataFolder, 'stack');

/**
 * Returns the folder in the data folder for LocalStack with the whole template. As with the stack,
 * `npm run token` makes tokens for it.
 */
export const localstackFolderOf = (dataFolder: string): string => join(dataFolder, 'localstack');

const cloud = v.object({
  endpoint: v.string(),
  samPrograms: v.string(),
  awsPrograms: v.string(),
  /** The address of the vault, once it is deployed. */
  url: v.optional(v.string()),
});
export type RunningCloud = v.InferOutput<typeof cloud>;

/** The record of a LocalStack with the whole template. */
export const cloudRecord = createRecord('cloud.json', cloud);

/** The record of a vault that SAM serves. */
export const samRecord = createRecord('sam.json', v.object({ url: v.string() }));

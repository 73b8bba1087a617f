/**
 * The master key of a node: a key in a file, which each node opens by itself, or a key in a KMS.
 * The node starts and votes whatever the state of its key, because the cluster's data must not
 * depend on it.
 */
import { resolve } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import { times } from '../../functions/model/limits.ts';
import { misconfigured } from '../../system/failures.ts';
import { createFileKey } from '../kms/file-key.ts';
import { followMasterKey, stateOfKey } from '../kms/key-file.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { isKeyInKms } from '../kms/vault-key.ts';
import { noCredentials } from '../process/no-credentials.ts';
import type { ClusterFile } from './cluster-file.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeKeyState } from './report.ts';

export type NodeKey = {
  /** The key for the functions; absent if they use one in a KMS directly. */
  readonly service?: KeyService;
  /** The variables that tell the functions which key to use. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The state of the key; `null` while it is unknown. */
  readonly state: () => NodeKeyState | null;
  /**
   * What the node's `running.json` says about its key, so that commands on this machine can use it.
   */
  readonly running: {
    readonly masterKeyId: string;
    readonly masterKeyFile?: string;
    readonly kmsEndpoint?: string;
  };
};

/** Returns the AWS Region that a key's ARN names. */
const regionOf = (arn: string): string => arn.split(':')[3] ?? '';

/** Asks KMS for the state of the key every minute. */
const followKmsKey = (KeyId: string, region: string): NodeKey['state'] => {
  const key = createKmsKey(new KMSClient({ region, maxAttempts: 1 }), KeyId);
  let state: NodeKeyState | null = null;
  const look = async (): Promise<void> => {
    state = await key.describe(AbortSignal.timeout(times.kmsCallMs)).then(
      ({ isEnabled }) => (isEnabled ? 'usable' : 'unusable'),
      () => 'unusable' as const,
    );
  };
  void look();
  setInterval(() => void look(), nodeTimes.kmsKeyEveryMs).unref();
  return () => state;
};

const keyInKms = (masterKeyId: string): NodeKey => {
  const {
    MASTER_KEY_ID: given,
    AWS_REGION: region,
    AWS_ENDPOINT_URL_KMS: kmsEndpoint,
  } = process.env;
  if (process.env['VAULT_MASTER_KEY_FILE']) {
    throw misconfigured(
      'VAULT_MASTER_KEY_FILE is set, but the master key of the cluster is in a KMS',
    );
  }
  if (given && given !== masterKeyId) {
    throw misconfigured(
      `MASTER_KEY_ID is ${given}, but the master key of the cluster is ${masterKeyId}`,
    );
  }
  const home = region || regionOf(masterKeyId);
  return {
    environment: { MASTER_KEY_ID: masterKeyId, AWS_REGION: home },
    state: followKmsKey(masterKeyId, home),
    running: { masterKeyId, ...(kmsEndpoint && { kmsEndpoint }) },
  };
};

/**
 * Opens the key that the cluster file names. `file` is where this node has it. Throws a user-facing
 * error only if the environment contradicts the cluster file.
 */
export const openNodeKey = (own: ClusterFile['key'], file: string): NodeKey => {
  if ('masterKeyId' in own) return keyInKms(own.masterKeyId);
  if (isKeyInKms(process.env)) {
    throw misconfigured(
      'MASTER_KEY_ID or AWS_ENDPOINT_URL_KMS is set, but the master key of the cluster is in a file',
    );
  }
  const key = followMasterKey(file, own, warnOfKey);
  const { arn } = key;
  return {
    state: () => stateOfKey(key),
    service: createFileKey(key),
    environment: { MASTER_KEY_ID: arn, AWS_REGION: 'us-east-1', ...noCredentials },
    running: { masterKeyId: arn, masterKeyFile: resolve(file) },
  };
};

/**
 * The master key of a node: a key in a file, which each node opens by itself, or a key in a KMS.
 * The node starts and votes whatever the state of its key, because the cluster's data must not
 * depend on it.
 */
import { resolve } from 'node:path';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { times } from '../../functions/model/limits.ts';
import { misconfigured } from '../../system/failures.ts';
import { createFileKey } from '../kms/file-key.ts';
import { followMasterKey, stateOfKey } from '../kms/key-file.ts';
import { isKeyInKms } from '../kms/vault-key.ts';
import type { ClusterFile } from './cluster-file.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeKeyState } from './report.ts';

export type NodeKey = {
  readonly service: KeyService;
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
const followKmsKey = (key: KeyService): NodeKey['state'] => {
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

const keyInKms = async (masterKeyId: string): Promise<NodeKey> => {
  const { MASTER_KEY_ID: given, AWS_ENDPOINT_URL_KMS: kmsEndpoint } = process.env;
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
  const { openKmsKey } = await import('../kms/kms-elsewhere.ts');
  const service = openKmsKey(masterKeyId, {
    // Only `AWS_REGION` overrides the Region of the key, because `AWS_DEFAULT_REGION` may be set
    // for other programs.
    region: process.env['AWS_REGION'] || regionOf(masterKeyId),
    endpoint: kmsEndpoint,
  });
  return {
    service,
    state: followKmsKey(service),
    running: { masterKeyId, ...(kmsEndpoint && { kmsEndpoint }) },
  };
};

/**
 * Opens the key that the cluster file names. `file` is where this node has it. `warn` receives a
 * message for each fault of the file. Rejects with a user-facing error only if the environment
 * contradicts the cluster file.
 */
export const openNodeKey = async (
  own: ClusterFile['key'],
  file: string,
  warn: (sentence: string) => void,
): Promise<NodeKey> => {
  if ('masterKeyId' in own) return await keyInKms(own.masterKeyId);
  if (isKeyInKms(process.env)) {
    throw misconfigured(
      'MASTER_KEY_ID or AWS_ENDPOINT_URL_KMS is set, but the master key of the cluster is in a file',
    );
  }
  const key = followMasterKey(file, own, warn);
  const { arn } = key;
  return {
    state: () => stateOfKey(key),
    service: createFileKey(key),
    running: { masterKeyId: arn, masterKeyFile: resolve(file) },
  };
};

/**
 * The master key of a node: the key of a file, which each node opens itself, or a key of a KMS. The node
 * starts and votes whatever state its key is in, because the data of the cluster must not hang on it.
 */
import { resolve } from 'node:path';
import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { times } from '../../functions/model/limits.ts';
import type { Answer } from '../../functions/runtime/in-process.ts';
import { failure } from '../../system/failures.ts';
import { noCredentials } from '../dynamodb/local-store.ts';
import { answerWith } from '../kms/embedded-kms.ts';
import { followMasterKey, stateOfKey } from '../kms/key-file.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { isKeyInKms } from '../kms/vault-key.ts';
import type { ClusterFile } from './cluster-file.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeKeyState } from './report.ts';

export type NodeKey = {
  /** Answers in place of a KMS; absent if the key is in one. */
  readonly answer?: Answer;
  /** The variables by which the functions use the key. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How the key is now; `null` while that is not known. */
  readonly state: () => NodeKeyState | null;
  /** The key, for the commands on this machine. */
  readonly running: {
    readonly masterKeyId: string;
    readonly masterKeyFile?: string;
    readonly kmsEndpoint?: string;
  };
};

/** The Region in the ARN of a key. */
const regionOf = (arn: string): string => arn.split(':')[3] ?? '';

/** Asks KMS for the state of the key each minute. */
const followKmsKey = (KeyId: string, region: string): NodeKey['state'] => {
  const kms = new KMSClient({ region, maxAttempts: 1 });
  let state: NodeKeyState | null = null;
  const look = async (): Promise<void> => {
    const abortSignal = AbortSignal.timeout(times.kmsCallMs);
    const sent = kms.send(new DescribeKeyCommand({ KeyId }), { abortSignal });
    state = await sent.then(
      ({ KeyMetadata }) => (KeyMetadata?.KeyState === 'Enabled' ? 'usable' : 'unusable'),
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
    throw failure('VAULT_MASTER_KEY_FILE is set, but the master key of the cluster is in a KMS');
  }
  if (given && given !== masterKeyId) {
    throw failure(`MASTER_KEY_ID is ${given}, but the master key of the cluster is ${masterKeyId}`);
  }
  const home = region || regionOf(masterKeyId);
  return {
    environment: { MASTER_KEY_ID: masterKeyId, AWS_REGION: home },
    state: followKmsKey(masterKeyId, home),
    running: { masterKeyId, ...(kmsEndpoint && { kmsEndpoint }) },
  };
};

/**
 * Opens the key that the cluster file names; `file` is where this node has it. Throws a sentence only if the
 * environment names another key.
 */
export const openNodeKey = (key: ClusterFile['key'], file: string): NodeKey => {
  if ('masterKeyId' in key) return keyInKms(key.masterKeyId);
  if (isKeyInKms(process.env)) {
    throw failure(
      'MASTER_KEY_ID or AWS_ENDPOINT_URL_KMS is set, but the master key of the cluster is in a file',
    );
  }
  const followed = followMasterKey(file, key, warnOfKey);
  return {
    answer: answerWith(followed),
    state: () => stateOfKey(followed),
    environment: { MASTER_KEY_ID: followed.arn, AWS_REGION: 'us-east-1', ...noCredentials },
    running: { masterKeyId: followed.arn, masterKeyFile: resolve(file) },
  };
};

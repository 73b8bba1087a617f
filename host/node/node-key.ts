/**
 * The master key of a node: a key in a file, which each node opens by itself, or a key in a KMS.
 * The node starts and votes whatever the state of its key, because the cluster's data must not
 * depend on it.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KMSClient } from '@aws-sdk/client-kms';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import { times } from '../../functions/model/limits.ts';
import { misconfigured } from '../../system/failures.ts';
import { createFileKey } from '../kms/file-key.ts';
import { followMasterKey, type KeyIdentity, stateOfKey } from '../kms/key-file.ts';
import { followUnprovedKey, warningOf } from '../kms/key-proof.ts';
import { warnOfKey } from '../kms/key-warning.ts';
import { findKeyIdentity, isKeyInKms, rememberKey } from '../kms/vault-key.ts';
import { noCredentials } from '../process/no-credentials.ts';
import type { ClusterFile } from './cluster-file.ts';
import { judgeKey, type Witnesses } from './key-judging.ts';
import { nodeTimes } from './node-times.ts';
import type { NodeKeyState } from './report.ts';

export type NodeKey = {
  /** The key for the functions; absent if they use one in a KMS directly. */
  readonly service?: KeyService;
  /** The variables that tell the functions which key to use. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The state of the key; `null` while it is unknown. */
  readonly state: () => NodeKeyState | null;
  /** The check value for the report to the other nodes; `null` if there is none. */
  readonly check: () => string | null;
  /**
   * Present only if nothing had proved the key when it was opened. Begins to try every two seconds
   * to prove it, until that succeeds or `signal` aborts.
   */
  readonly prove?: (witnesses: Witnesses, signal: AbortSignal) => void;
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
    check: () => null,
    running: { masterKeyId, ...(kmsEndpoint && { kmsEndpoint }) },
  };
};

/**
 * Returns what the node in this folder knows about its key. A `cluster.json` of 1.0.0 has only the
 * id; a node that has proved its key remembers the check value in its folder.
 */
export const identityOnNode = (key: KeyIdentity, folder: string): KeyIdentity => {
  if (key.check !== undefined) return key;
  const remembered = findRemembered(folder);
  return remembered?.keyId === key.keyId ? remembered : key;
};

/**
 * Returns what the folder remembers about the key. If that cannot be read, returns `undefined`, and
 * the key is proved again.
 */
const findRemembered = (folder: string): KeyIdentity | undefined => {
  try {
    return findKeyIdentity(folder);
  } catch {
    return undefined;
  }
};

/**
 * Opens the key that the cluster file names. `file` is where this node has it, and `folder` is the
 * node's data folder. Throws a user-facing error only if the environment contradicts the cluster
 * file.
 */
export const openNodeKey = (key: ClusterFile['key'], file: string, folder: string): NodeKey => {
  if ('masterKeyId' in key) return keyInKms(key.masterKeyId);
  if (isKeyInKms(process.env)) {
    throw misconfigured(
      'MASTER_KEY_ID or AWS_ENDPOINT_URL_KMS is set, but the master key of the cluster is in a file',
    );
  }
  const own = identityOnNode(key, folder);
  const opened = own.check === undefined ? openUnproved(own, file, folder) : openProved(own, file);
  const { arn } = opened.key;
  return {
    ...opened,
    service: createFileKey(opened.key),
    environment: { MASTER_KEY_ID: arn, AWS_REGION: 'us-east-1', ...noCredentials },
    running: { masterKeyId: arn, masterKeyFile: resolve(file) },
  };
};

const openProved = (own: KeyIdentity, file: string) => {
  const key = followMasterKey(file, own, warnOfKey);
  return { key, state: () => stateOfKey(key), check: () => own.check ?? null };
};

const openUnproved = ({ keyId }: KeyIdentity, file: string, folder: string) => {
  let witnesses: Witnesses | undefined;
  const key = followUnprovedKey({
    ...{ file, keyId, warn: warnOfKey },
    judge: async (candidate) => {
      if (witnesses === undefined) throw new Error('the node has not started yet');
      return await judgeKey(file, candidate, witnesses);
    },
    remember: (proved) => rememberKey(folder, proved),
  });
  const untilProved = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      const verdict = await key.proof.judge().catch(() => undefined);
      if (verdict?.is === 'proved' || signal.aborted) return;
      if (verdict && 'why' in verdict) warnOfKey(warningOf(verdict));
      await sleep(nodeTimes.keyProofEveryMs, undefined, { ref: false });
    }
  };
  return {
    key,
    state: key.proof.state,
    check: () => key.proof.check() ?? null,
    prove: (given: Witnesses, signal: AbortSignal) => {
      witnesses = given;
      void untilProved(signal);
    },
  };
};

/** Checks that a stored version opens under its own identity and under no other. No value is kept after the check. */
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { open } from '../../functions/crypto/envelope.ts';
import type { Identity, SealedVersion } from '../../functions/model/types.ts';
import { failure, sentenceOf } from '../../system/failures.ts';

/** The master key, and the id of the vault to which its data keys are bound. */
type Key = {
  readonly kms: KMSClient;
  readonly masterKeyId: string;
  readonly vaultId: string;
};

/** The errors of KMS for a blob of another context or another key. */
const refusals = ['InvalidCiphertextException', 'IncorrectKeyException'];

/** Returns the data key, or the name of the error if KMS refuses it. Throws if the master key cannot be used at all. */
const unwrap = async (
  { kms, masterKeyId }: Key,
  stored: SealedVersion,
  EncryptionContext: { vault: string; tenant: string; name: string },
): Promise<Uint8Array | string> => {
  const command = new DecryptCommand({
    KeyId: masterKeyId,
    CiphertextBlob: stored.wrappedDataKey,
    EncryptionContext,
  });
  try {
    return (await kms.send(command)).Plaintext ?? 'no data key';
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (refusals.includes(name)) return name;
    throw failure(
      `the master key cannot be used, so no record can be verified: ${sentenceOf(error)}`,
      { cause: error },
    );
  }
};

const opens = (attempt: () => Uint8Array): boolean => {
  try {
    attempt().fill(0);
    return true;
  } catch {
    return false;
  }
};

/** Returns variants of the identity, each with one field altered. */
const othersOf = (own: Identity): readonly (readonly [string, Identity])[] => [
  ['vault', { ...own, vault: `${own.vault}x` }],
  ['tenant', { ...own, tenant: `${own.tenant}x` }],
  ['name', { ...own, name: `${own.name}x` }],
  ['version', { ...own, version: own.version + 1 }],
  ['validFrom', { ...own, validFrom: own.validFrom + 1 }],
  ['createdBy', { ...own, createdBy: `${own.createdBy}x` }],
  ['writeId', { ...own, writeId: `${own.writeId}x` }],
  ['masterKeyId', { ...own, masterKeyId: `${own.masterKeyId}x` }],
  ['note', { ...own, note: `${own.note ?? ''}x` }],
];

/**
 * Returns the violations as sentences; empty if there are none. `openSealed` is a parameter only for the tests of this
 * check.
 */
export const checkOpening = async (
  key: Key,
  stored: SealedVersion,
  openSealed: typeof open = open,
): Promise<readonly string[]> => {
  const { tenant, name } = stored;
  const own = { vault: key.vaultId, tenant, name };
  const dataKey = await unwrap(key, stored, own);
  if (typeof dataKey === 'string') {
    return [`has a data key that the master key does not unwrap (${dataKey})`];
  }
  const problems: string[] = [];
  const opensAs = (identity: Identity) => opens(() => openSealed(stored, dataKey, identity));
  if (!opensAs(stored)) problems.push('does not open under its own identity');
  for (const [field, other] of othersOf(stored)) {
    if (opensAs(other)) problems.push(`opens with another ${field} too`);
  }
  for (const context of [
    { ...own, vault: `${own.vault}x` },
    { ...own, tenant: `${tenant}x` },
    { ...own, name: `${name}x` },
  ]) {
    const other = await unwrap(key, stored, context);
    if (typeof other !== 'string') problems.push('has a data key that unwraps for another too');
  }
  dataKey.fill(0);
  return problems;
};

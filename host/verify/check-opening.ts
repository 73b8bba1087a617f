/**
 * Checks that a stored version opens under its own identity and under no other. Values are
 * discarded after the check.
 */
import { open } from '../../functions/crypto/envelope.ts';
import { KeyFault, type KeyService } from '../../functions/kms/key-service.ts';
import type { Identity, SealedVersion } from '../../functions/model/types.ts';
import { failure, sentenceOf } from '../../system/failures.ts';

/**
 * Unwraps a data key that is bound to this context. Resolves to the cause of the fault if the blob
 * belongs to a different context or key. Rejects if the master key cannot be used at all.
 */
type UnwrapCall = (wrapped: Uint8Array, context: Context) => Promise<Uint8Array | string>;
type Context = { readonly vault: string; readonly tenant: string; readonly name: string };

/**
 * Stands for the time limit of a call. None is needed here, because the KMS client limits and
 * retries its calls by itself.
 */
const noLimit = new AbortController().signal;

/**
 * Creates the function that asks the master key to unwrap a data key. On AWS, the key policy denies
 * the id of another vault before KMS looks at the blob, so for such an id a denial counts as a
 * refusal of the blob.
 */
export const unwrapBy =
  (masterKey: KeyService, vaultId: string): UnwrapCall =>
  async (wrapped, context) => {
    try {
      const opened = await masterKey.unwrap(context, wrapped, noLimit);
      return opened.plaintext ?? 'no data key';
    } catch (error) {
      if (error instanceof KeyFault) {
        const isDenied = error.cause === 'AccessDeniedException' && context.vault !== vaultId;
        if (isDenied || error.code === 'master_key_incorrect') return error.cause;
      }
      throw unusable(error);
    }
  };

const unusable = (cause: unknown): Error =>
  failure(`the master key cannot be used, so no record can be verified: ${sentenceOf(cause)}`, {
    cause,
  });

const opens = (attempt: () => Uint8Array): boolean => {
  try {
    attempt().fill(0);
    return true;
  } catch {
    return false;
  }
};

/** Returns variants of the identity, each with one field changed. */
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
 * Returns the violations as sentences; empty if there are none. With `isThorough`, opening the
 * version under other identities is also tried, and must fail. `openSealed` is a parameter only for
 * the tests of this check.
 */
export const checkOpening = async (
  { vaultId, unwrap }: { readonly vaultId: string; readonly unwrap: UnwrapCall },
  stored: SealedVersion,
  isThorough: boolean,
  openSealed: typeof open = open,
): Promise<readonly string[]> => {
  const { tenant, name, wrappedDataKey } = stored;
  const own = { vault: vaultId, tenant, name };
  const dataKey = await unwrap(wrappedDataKey, own);
  if (typeof dataKey === 'string') {
    return [`has a data key that the master key cannot unwrap (${dataKey})`];
  }
  const problems: string[] = [];
  const opensAs = (identity: Identity) => opens(() => openSealed(stored, dataKey, identity));
  if (!opensAs(stored)) problems.push('cannot be opened under its own identity');
  if (isThorough) {
    for (const [field, other] of othersOf(stored)) {
      if (opensAs(other)) problems.push(`opens with another ${field} too`);
    }
    for (const context of [
      { ...own, vault: `${own.vault}x` },
      { ...own, tenant: `${tenant}x` },
      { ...own, name: `${name}x` },
    ]) {
      const other = await unwrap(wrappedDataKey, context);
      if (typeof other !== 'string')
        problems.push('has a data key that can be unwrapped for another version, too');
    }
  }
  dataKey.fill(0);
  return problems;
};

/**
 * The steps that create, update, delete and copy share. Each of them writes one version of one
 * secret.
 */
import type { Fingerprint } from '../crypto/fingerprint.ts';
import { ApiError } from '../model/errors.ts';
import type {
  Head,
  IdempotencyRecord,
  NewVersion,
  WriteRef,
  WrittenVersion,
} from '../model/types.ts';
import { recordOfSameRequest } from './idempotency.ts';
import { notFound, requireHead, requireVisible } from './permission.ts';
import type { StoreVault } from './request.ts';
import { isOneOf } from './versions.ts';
import { type Prepared, writeUntilAnswered } from './write-loop.ts';

export type SingleRequest = {
  readonly name: string;
  readonly note?: string | undefined;
  readonly fingerprint: Fingerprint | undefined;
};
export type SingleWrite = {
  readonly version: WrittenVersion & WriteRef;
  readonly replayed: boolean;
};

export type Replacement = SingleRequest & {
  /** The versions that the caller is willing to replace; `*` or `undefined` means any. */
  readonly ifMatch: '*' | readonly string[] | undefined;
};

/**
 * Prepares an attempt that writes just the version `next`, in place of the head `base` if there is
 * one.
 */
export const onlyVersion = (base: Head | undefined, next: NewVersion): Prepared<SingleWrite> => ({
  changes: [{ base, next }],
  answer: { version: next, replayed: false },
});

/**
 * Repeats the answer to the first request with this idempotency key, which wrote one version.
 * Throws `not_found` for a hidden name.
 */
export const replaySingle = (
  vault: StoreVault,
  name: string,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): SingleWrite => {
  requireVisible(vault.principal, name);
  const [version] = recordOfSameRequest(vault, fingerprint, record).written;
  if (!version) throw new ApiError('integrity_failure', 'the record names no version');
  return { version: { ...version, writeId: record.writeId }, replayed: true };
};

/**
 * Replaces the current version, for updates and deletions. `start` runs alongside the first reads;
 * if it fails, `seal` throws that failure when it needs the result.
 */
export const replaceHead = (
  vault: StoreVault,
  request: Replacement,
  operation: 'update-secret' | 'delete-secret',
  seal: (base: Head) => NewVersion | Promise<NewVersion>,
  start?: () => Promise<unknown>,
): Promise<SingleWrite> => {
  const { store } = vault;
  const { name, fingerprint } = request;
  return writeUntilAnswered(vault, {
    operation,
    fingerprint,
    read: async (met) => {
      // The head to which the last attempt lost the race was read before the wait, so read it
      // again.
      if (met) return { head: (await store.findHead(name)) ?? met, record: undefined };
      // Wait for all answers before using any, so that the same faults always produce the same
      // answer.
      const [head, record] = await Promise.allSettled([
        store.findHead(name),
        fingerprint && store.findRecord(fingerprint.keyHash),
        start?.(),
      ]);
      if (head.status === 'rejected') throw head.reason;
      if (record.status === 'rejected') throw record.reason;
      return { head: head.value, record: record.value };
    },
    replay: (own, record) => replaySingle(vault, name, own, record),
    prepare: async ({ head }) => {
      const base = requireReplaceable(vault, request, head);
      return onlyVersion(base, await seal(base));
    },
    judgeMiss: (met) => {
      if (met) requireReplaceable(vault, request, met);
      return true;
    },
  });
};

/**
 * Returns the head. Throws `not_found` if there is no value to replace, and `version_conflict` if
 * `ifMatch` does not allow replacing it.
 */
export const requireReplaceable = (
  vault: StoreVault,
  { name, ifMatch }: Replacement,
  read: Head | undefined,
): Head => {
  const head = requireHead(vault.principal, name, read);
  if (head.state === 'deleted') throw notFound('deleted');
  if (ifMatch === undefined || isOneOf(ifMatch, head)) return head;
  const sentence = `the current version is ${head.version}, not the expected one: read the secret before you write`;
  throw new ApiError('version_conflict', sentence, {
    properties: { currentVersion: head.version },
    forLog: { blocking: head.version },
  });
};

/**
 * Returns the deletion that a create would replace, if there is one. Throws `secret_exists` if the
 * secret has a value.
 */
export const requireNoValue = (
  { journal }: StoreVault,
  head: Head | undefined,
): Head | undefined => {
  if (head?.state !== 'stored') return head;
  journal.decided('refused_exists', { name: head.name });
  throw exists(head);
};

const exists = ({ version }: Head): ApiError =>
  new ApiError('secret_exists', 'a secret with this name exists already; PUT updates it', {
    forLog: { blocking: version },
  });

import type { Fingerprint } from '../crypto/fingerprint.ts';
import { ApiError } from '../model/errors.ts';
import {
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  type ValueVersion,
  type VersionRef,
} from '../model/types.ts';
import { createKeyedMutex, inQueues } from './keyed-mutex.ts';
import { type Absence, absenceOf, requireCreatable } from './permission.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { type KeyOf, openVersion, sealNext, withKeys } from './sealing.ts';
import {
  type Replacement,
  replaySingle,
  requireNoValue,
  requireReplaceable,
  type SingleWrite,
} from './single-write.ts';
import { chooseVersion, requireValue } from './versions.ts';
import { writeUntilAnswered } from './write-loop.ts';

export type CopySecret = Replacement & {
  /** The secret and version to copy. Without a version, the current one is copied. */
  readonly from: { readonly name: string; readonly version: number | undefined };
  /** Whether the copy must create the secret, in which case `ifMatch` must be undefined. */
  readonly create: boolean;
};
/** `from` is the version whose value was copied. */
export type Copy = SingleWrite & { readonly from: VersionRef };

/**
 * Stores the value of an existing version as the next version of a secret. The value itself is
 * never returned. The write is conditional on the source still being stored, so a copy cannot bring
 * back a value that was destroyed meanwhile. Throws the errors of a create or an update, and those
 * of data keys. If the source is the problem, it throws `not_found` with the field `from`, or
 * `version_destroyed`.
 *
 * The note is not checked against the value: the result would tell the caller whether a guess is
 * right.
 */
export const copySecret = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, async (vault, request: CopySecret): Promise<Copy> => {
    vault.journal.concerns(aboutRequest(request));
    if (request.create) requireCreatable(vault.principal, request.name);
    return await inQueues(vault, mutex, [request.name], () =>
      withKeys(vault, (keyOf) => copyUntilAnswered(vault, request, keyOf)),
    );
  });

const copyUntilAnswered = (
  vault: RequestVault,
  request: CopySecret,
  keyOf: KeyOf,
): Promise<Copy> => {
  const { name, from, create, note, fingerprint } = request;
  const { store } = vault;
  const selection = from.version === undefined ? 'current' : 'number';
  let opened: { readonly writeId: string; readonly value: Uint8Array } | undefined;
  return writeUntilAnswered(vault, {
    operation: 'copy-secret',
    fingerprint,
    read: async () => {
      const [heads, record] = await Promise.all([
        store.findHeads([...new Set([name, from.name])]),
        fingerprint && store.findRecord(fingerprint.keyHash),
      ]);
      return { heads, record };
    },
    replay: (own, record) => replay(vault, request, own, record),
    prepare: async ({ heads }) => {
      const head = heads.get(name);
      const base = create ? requireNoValue(vault, head) : requireReplaceable(vault, request, head);
      const source = await requireSource(vault, from, heads.get(from.name));
      const key = await keyOf(name);
      if (opened?.writeId !== source.writeId) {
        const value = await openVersion(vault, source, selection, 'copied');
        opened = { writeId: source.writeId, value };
      }
      const next = sealNext(vault, key, { name, base, note }, opened.value);
      return {
        changes: [{ base, next }],
        // If the version to copy is the head that the write replaces, replacing it already requires
        // that it is still stored.
        unchanged: source === base ? [] : [source],
        resolved: [source],
        answer: {
          version: next,
          from: { name: from.name, version: source.version },
          replayed: false,
        },
      };
    },
    judgeMiss: () => true,
  });
};

/**
 * Returns the version to copy. Throws `not_found` if it does not exist or is a deletion, and
 * `version_destroyed`.
 */
const requireSource = async (
  vault: RequestVault,
  { name, version }: CopySecret['from'],
  head: Head | undefined,
): Promise<ValueVersion> => {
  if (!head) throw noSource(absenceOf(vault.principal, name));
  const found = version === undefined ? head : await chooseVersion(vault, head, version);
  return requireValue(found, 'beyond_current', noSource);
};

/**
 * The log line is about the secret being written, so the reason says that the source is what is
 * missing.
 */
const noSource = (absence: Absence): ApiError =>
  new ApiError('not_found', 'the secret or version to copy does not exist', {
    properties: { field: 'from' },
    forLog: { why: `source_${absence}` },
  });

/**
 * Repeats the answer to the first request with this idempotency key. Throws `not_found` if the
 * token no longer covers the secret or the source.
 */
const replay = (
  vault: RequestVault,
  { name, from }: CopySecret,
  fingerprint: Fingerprint,
  record: IdempotencyRecord,
): Copy => {
  const { names } = vault.principal;
  if (isNameVisible(names, name) && !isNameVisible(names, from.name)) {
    throw noSource('hidden');
  }
  const answer = replaySingle(vault, name, fingerprint, record);
  const [source] = record.resolved;
  if (!source) throw new ApiError('integrity_failure', 'the record names no source');
  return { ...answer, from: source };
};

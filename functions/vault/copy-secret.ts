import type { Fingerprint } from '../crypto/fingerprint.ts';
import { VaultError } from '../model/errors.ts';
import {
  type Head,
  type IdempotencyRecord,
  isNameVisible,
  type ValueVersion,
  type VersionRef,
} from '../model/types.ts';
import { exists, requireAllowed } from './create-secret.ts';
import { recordOf, unlessRecorded } from './idempotency.ts';
import { createKeyedMutex, inQueues } from './keyed-mutex.ts';
import type { DataKey } from './ports.ts';
import { aboutRequest, operation, type Ports, type RequestVault } from './request.ts';
import { startBackoff, throttled, writeUntilClear } from './retries.ts';
import { openVersion, sealNext } from './sealing.ts';
import {
  type Replacement,
  replaySingle,
  requireReplaceable,
  type SingleWrite,
} from './single-write.ts';
import { type Absence, absenceOf, chooseVersion, requireValue } from './versions.ts';

export type CopySecret = Replacement & {
  /** The secret and the version to copy; without a version the current one. */
  readonly from: { readonly name: string; readonly version: number | undefined };
  /** Whether the secret must not exist, as for a create. A copy that creates takes no `ifMatch`. */
  readonly create: boolean;
};
/** `from`: the version whose value was stored again. */
export type Copy = SingleWrite & { readonly from: VersionRef };

/**
 * Stores the value of a stored version as the next version of a secret, and returns no value. The write has
 * the condition that the source is stored still, so a copy never brings a destroyed value back. Throws the
 * errors of a create or an update, for the source `not_found` with the field `from` or `version_destroyed`,
 * and the errors of data keys.
 *
 * The note is not compared with the value, because the answer would tell whether a guess is right.
 */
export const copySecret = (ports: Ports, mutex = createKeyedMutex()) =>
  operation(ports, async (vault, request: CopySecret): Promise<Copy> => {
    vault.journal.concerns(aboutRequest(request));
    if (request.create) requireAllowed(vault, request.name);
    return await inQueues(vault, mutex, [request.name], () =>
      unlessRecorded(
        vault,
        request.fingerprint,
        () => copyUntilAnswered(vault, request),
        (fingerprint, record) => replay(vault, request, fingerprint, record),
      ),
    );
  });

const copyUntilAnswered = async (vault: RequestVault, request: CopySecret): Promise<Copy> => {
  const { store, dataKeys, journal, principal, vaultId } = vault;
  const { name, from, create, note, fingerprint } = request;
  const selection = from.version === undefined ? 'current' : 'number';
  const backoff = startBackoff(vault);
  let key: DataKey | undefined;
  let opened: { readonly writeId: string; readonly value: Uint8Array } | undefined;
  try {
    for (;;) {
      const [heads, record] = await Promise.all([
        store.findHeads([...new Set([name, from.name])]),
        fingerprint && store.findRecord(fingerprint.keyHash),
      ]);
      if (fingerprint && record) return replay(vault, request, fingerprint, record);
      const base = requireBase(vault, request, heads.get(name));
      const source = await requireSource(vault, from, heads.get(from.name));
      key ??= await dataKeys.generate({ vault: vaultId, tenant: principal.tenant, name });
      if (opened?.writeId !== source.writeId) {
        const value = await openVersion(vault, source, selection, 'copied');
        opened = { writeId: source.writeId, value };
      }
      const next = sealNext(vault, key, { name, base, note }, opened.value);
      const write = {
        changes: [{ base, next }],
        // A source that is the replaced head has the condition of the change already.
        unchanged: source === base ? [] : [source],
        ...recordOf(vault, 'copy-secret', fingerprint, [next], [source]),
      };
      const result = await writeUntilClear(vault, write, backoff);
      if (result.outcome === 'written') {
        journal.decided(create ? 'created' : 'version_written', next);
        const { version } = source;
        return { version: next, from: { name: from.name, version }, replayed: false };
      }
      if (result.outcome === 'replayed' && fingerprint) {
        return replay(vault, request, fingerprint, result.record);
      }
      journal.decided('lost_race');
      if (!(await backoff())) throw throttled();
    }
  } finally {
    key?.plaintext.fill(0);
  }
};

/** The head to replace; `undefined` if the secret never existed. Throws the errors of an update or a create. */
const requireBase = (
  vault: RequestVault,
  request: CopySecret,
  head: Head | undefined,
): Head | undefined => {
  if (!request.create) return requireReplaceable(vault, request, head);
  if (head?.state === 'stored') throw exists(vault, head);
  return head;
};

/** The version to copy. Throws `not_found` for none and for a deletion, and `version_destroyed`. */
const requireSource = async (
  vault: RequestVault,
  { name, version }: CopySecret['from'],
  head: Head | undefined,
): Promise<ValueVersion> => {
  if (!head) throw noSource(absenceOf(vault.principal, name));
  const found = version === undefined ? head : await chooseVersion(vault, head, version);
  return requireValue(found, 'beyond_current', noSource);
};

/** The reason has a word of its own, because the line of the log is about the secret that the copy writes. */
const noSource = (absence: Absence): VaultError =>
  new VaultError('not_found', 'no such secret or version to copy', {
    properties: { field: 'from' },
    why: { why: `source_${absence}` },
  });

/** Repeats the first answer. Throws `not_found` if the secret or the source is hidden by now. */
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
  if (!source) throw new VaultError('integrity_failure', 'the record names no source');
  return { ...answer, from: source };
};

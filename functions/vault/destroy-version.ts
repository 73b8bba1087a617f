import { ApiError } from '../model/errors.ts';
import type { DestroyedVersion, VersionRef } from '../model/types.ts';
import { notFound, requireHead } from './permission.ts';
import { type StorePorts, storeOperation } from './request.ts';
import { findSuperseded } from './versions.ts';

/**
 * Destroys the value of a superseded version. Repeating it returns the first destruction, so no
 * idempotency key is needed. Throws `not_found`, `version_current`, `not_destroyable` (for a
 * deletion), and the errors of `Store.destroy`.
 */
export const destroyVersion = (ports: StorePorts) =>
  storeOperation(ports, async (vault, { name, version }: VersionRef): Promise<DestroyedVersion> => {
    const { store, journal, principal } = vault;
    journal.concerns({ name, version });
    const [shown, seen] = await Promise.all([
      store.findHead(name),
      store.findVersion(name, version),
    ]);
    const head = requireHead(principal, name, shown);
    if (head.version < version) throw notFound('beyond_current');
    // While an update is running, a read may already see the item of the version that it
    // supersedes, but not yet the new head. So that item takes precedence over the head.
    const isHead = head.version === version;
    const found = seen ?? (isHead ? head : await findSuperseded(vault, name, version));
    const concernsVersion = () => journal.concerns({ name, version, writeId: found.writeId });
    if (found.state === 'destroyed') {
      concernsVersion();
      return found;
    }
    if (found.state === 'deleted') {
      const sentence = 'this version is a deletion, so it has no value to destroy';
      throw new ApiError('not_destroyable', sentence, { forLog: { blocking: version } });
    }
    const { validTo, masterKeyId, writeId, validFrom, createdBy, vault: vaultId, tenant } = found;
    if (validTo === undefined) {
      const sentence = 'this is the current version; update or delete the secret first';
      throw new ApiError('version_current', sentence, { forLog: { blocking: version } });
    }
    concernsVersion();
    const facts = { vault: vaultId, tenant, name, version, validFrom, createdBy, writeId };
    const by = { destroyedAt: vault.now, destroyedBy: principal.subject };
    const destroyed = await store.destroy(
      { ...facts, state: 'destroyed', masterKeyId, ...by },
      validTo,
    );
    // If another request destroyed the version in the meantime, that request has logged it.
    const isOwn =
      destroyed.destroyedBy === by.destroyedBy && destroyed.destroyedAt === by.destroyedAt;
    if (isOwn) journal.decided('destroyed', destroyed);
    return destroyed;
  });

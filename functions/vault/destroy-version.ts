import { VaultError } from '../model/errors.ts';
import type { DestroyedVersion, VersionRef } from '../model/types.ts';
import { type StorePorts, storeOperation } from './request.ts';
import { absenceOf, findSuperseded, notFound } from './versions.ts';

/**
 * Destroys the value of a superseded version. A repetition answers with the first destruction, so it needs no
 * idempotency key. Throws `not_found`, `version_current`, `not_destroyable` (a deletion holds no value), and
 * the errors of `Store.destroy`.
 */
export const destroyVersion = (ports: StorePorts) =>
  storeOperation(ports, async (vault, { name, version }: VersionRef): Promise<DestroyedVersion> => {
    const { store, journal, principal } = vault;
    journal.concerns({ name, version });
    const [head, seen] = await Promise.all([
      store.findHead(name),
      store.findVersion(name, version),
    ]);
    if (!head) throw notFound(absenceOf(principal, name));
    if (head.version < version) throw notFound('beyond_current');
    // A running update may show its version item before its head, so the version item counts first.
    const isHead = head.version === version;
    const found = seen ?? (isHead ? head : await findSuperseded(vault, name, version));
    const concernsVersion = () => journal.concerns({ name, version, writeId: found.writeId });
    if (found.state === 'destroyed') {
      concernsVersion();
      return found;
    }
    if (found.state === 'deleted') {
      const sentence = 'this version is a deletion and holds no value';
      throw new VaultError('not_destroyable', sentence, { why: { blocking: version } });
    }
    const { validTo, masterKeyId, writeId, validFrom, createdBy, vault: vaultId, tenant } = found;
    if (validTo === undefined) {
      const sentence = 'this is the current version; update or delete the secret first';
      throw new VaultError('version_current', sentence, { why: { blocking: version } });
    }
    concernsVersion();
    const facts = { vault: vaultId, tenant, name, version, validFrom, createdBy, writeId };
    const by = { destroyedAt: vault.now, destroyedBy: principal.subject };
    const destroyed = await store.destroy(
      { ...facts, state: 'destroyed', masterKeyId, ...by },
      validTo,
    );
    // Another request may have destroyed the version meanwhile, and logged it.
    const isOwn =
      destroyed.destroyedBy === by.destroyedBy && destroyed.destroyedAt === by.destroyedAt;
    if (isOwn) journal.decided('destroyed', destroyed);
    return destroyed;
  });

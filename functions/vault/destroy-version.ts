import { type ErrorCode, VaultError } from '../model/errors.ts';
import type { DestroyedVersion } from '../model/types.ts';
import { type StorePorts, storeOperation } from './request.ts';
import { findSuperseded, notFound } from './versions.ts';

export type DestroyVersion = { readonly name: string; readonly version: number };

/**
 * Destroys the value of a superseded version. A repetition answers with the first destruction, so it needs no
 * idempotency key. Throws `not_found`, `version_current`, `not_destroyable` (a deletion holds no value), and the errors
 * of `Store.destroy`.
 */
export const destroyVersion = (ports: StorePorts) =>
  storeOperation(
    ports,
    async (vault, { name, version }: DestroyVersion): Promise<DestroyedVersion> => {
      const { store, journal, principal } = vault;
      journal.concerns({ name, version });
      const [head, seen] = await Promise.all([
        store.findHead(name),
        store.findVersion(name, version),
      ]);
      const passed = head !== undefined && head.version > version;
      const found = seen ?? (passed ? await findSuperseded(vault, name, version) : undefined);
      if (!found && (!head || head.version < version)) throw notFound();
      if (!found && head?.state === 'stored') {
        throw refused(
          'version_current',
          'this is the current version; update or delete the secret first',
        );
      }
      if (!found || found.state === 'deleted') {
        throw refused('not_destroyable', 'this version is a deletion and holds no value');
      }
      if (found.state === 'destroyed') return found;
      const { validTo, masterKeyId, writeId, validFrom, createdBy, vault: vaultId, tenant } = found;
      if (validTo === undefined)
        throw new VaultError('internal', 'a superseded version has an end');
      const facts = { vault: vaultId, tenant, name, version, validFrom, createdBy, writeId };
      const by = { destroyedAt: vault.now, destroyedBy: principal.subject };
      const destroyed = await store.destroy(
        { ...facts, state: 'destroyed', masterKeyId, ...by },
        validTo,
      );
      journal.decided('destroyed', destroyed);
      return destroyed;
    },
  );

const refused = (code: ErrorCode, message: string): VaultError => new VaultError(code, message);

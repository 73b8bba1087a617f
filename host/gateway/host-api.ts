/** The API of a vault that runs in this process, made from the parts of its host. */
import { type Api, createApi } from '../../functions/api.ts';
import type { Identity } from '../../functions/http/identity.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { commitIn } from '../../functions/model/variables.ts';
import { type ApiNeeds, routes } from '../../functions/routes.ts';
import { machineClock as clock, newWriteId } from '../../functions/runtime/clock.ts';
import type { Log } from '../../functions/runtime/request-journal.ts';
import type { ItemsOf } from '../../functions/store/ports.ts';
import { createStore } from '../../functions/store/store.ts';
import { createKeyedMutex } from '../../functions/vault/keyed-mutex.ts';
import manifest from '../../package.json' with { type: 'json' };
import { commitOf } from '../../system/commit.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import { root } from '../process/data-folder.ts';
import { openapiRoute } from './openapi.ts';
import { createReadiness } from './store-probe.ts';

export type VaultParts = {
  /** The id of the vault, to which its data keys are bound. */
  readonly vaultId: string;
  readonly itemsOf: ItemsOf;
  readonly masterKey: KeyService;
};

export type HostParts = VaultParts & {
  readonly identity: Identity;
  readonly log: Log;
  /** The status of the node that runs in this process, if there is one. */
  readonly node?: () => object;
  /** Receives one line for each operation that failed. */
  readonly report: (line: string) => void;
};

/** Makes the API. Throws a user-facing error if `VAULT_COMMIT` is used and malformed. */
export const createHostApi = (parts: HostParts): Api => {
  const { vaultId, itemsOf, masterKey, identity, log, node, report } = parts;
  const store = createStore(itemsOf, vaultId);
  const needs: ApiNeeds = {
    ...{ vaultId, store, dataKeys: createDataKeys(masterKey), writers: createKeyedMutex() },
    isReady: createReadiness({ store }, clock),
    ...{ clock, about: { version: manifest.version, commit: commitOf(root) ?? givenCommit() } },
    ...{ policy: identity.state, node },
  };
  const { authenticate } = identity;
  const { openJournal } = log;
  const all = [...routes, openapiRoute];
  return createApi(all, { authenticate, clock, newWriteId, openJournal, needs, report });
};

const givenCommit = (): string | null => {
  try {
    return commitIn(process.env);
  } catch (error) {
    throw misconfigured(sentenceOf(error), error);
  }
};

/** The routes of the API. */

import { copySecretRoute } from './copy-secret.ts';
import { createSecretRoute } from './create-secret.ts';
import { deleteSecretRoute } from './delete-secret.ts';
import { destroyVersionRoute } from './destroy-version.ts';
import { encryptEnvRoute } from './encrypt-env.ts';
import { expandEnvRoute } from './expand-env.ts';
import { explainSecretRoute } from './explain-secret.ts';
import { getHealthRoute, type Readiness } from './get-health.ts';
import { getSecretRoute } from './get-secret.ts';
import { getStatusRoute, type StatusParts } from './get-status.ts';
import type { Route } from './http/route.ts';
import { listSecretsRoute } from './list-secrets.ts';
import { listVersionsRoute } from './list-versions.ts';
import { submitEnvRoute } from './submit-env.ts';
import { updateSecretRoute } from './update-secret.ts';
import type { VaultPorts } from './vault/keyed-mutex.ts';
import { whoamiRoute } from './whoami.ts';

/** What the operations of a vault use. */
export type ApiNeeds = VaultPorts & Readiness & StatusParts;

export const routes: readonly Route<ApiNeeds>[] = [
  createSecretRoute,
  updateSecretRoute,
  copySecretRoute,
  deleteSecretRoute,
  destroyVersionRoute,
  getSecretRoute,
  explainSecretRoute,
  listVersionsRoute,
  listSecretsRoute,
  submitEnvRoute,
  encryptEnvRoute,
  expandEnvRoute,
  whoamiRoute,
  getStatusRoute,
  getHealthRoute,
];

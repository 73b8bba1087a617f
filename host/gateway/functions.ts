/**
 * The functions in this process: their environment, their import, and the gateway in front of them.
 * The environment consists of the user's settings and those of the parts that run here, such as the
 * vault's id and the ARN of a master key in a file. The user's credentials are left out if nothing
 * here needs them. The identity settings are either all the user's or all local, never mixed.
 */

import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { createApi } from '../../functions/api.ts';
import { type ApiNeeds, routes } from '../../functions/routes.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import {
  identityVariables,
  policyVariable,
  readCommit,
  readIdentityConfig,
  readServicesConfig,
} from '../../functions/runtime/config.ts';
import { policyState } from '../../functions/runtime/identity.ts';
import manifest from '../../package.json' with { type: 'json' };
import { isConfidential } from '../../system/address.ts';
import { commitOf } from '../../system/commit.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import type { ServingPair } from '../http/tls.ts';
import { root } from '../process/data-folder.ts';
import { noCredentials } from '../process/no-credentials.ts';
import { portRefused, readHost } from '../process/ports.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { openapiRoute } from './openapi.ts';
import { createReadiness } from './store-probe.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type LocalParts = {
  readonly vaultId: string;
  /** Whether the store is in this process instead of a DynamoDB elsewhere. */
  readonly storeIsHere: boolean;
  /** The ARN of the master key in a file; absent if the key is in a KMS. */
  readonly keyArn?: string | undefined;
  /** The public key set of the local issuer. */
  readonly jwks: string;
};

/** The variables that tell the functions about the local issuer. */
export const localIdentity = (jwks: string): Environment => ({
  AUTH_ISSUER: localIssuer,
  AUTH_AUDIENCE: localAudience,
  AUTH_JWKS: jwks,
  AUTH_JWKS_URL: undefined,
});

/** Whether the local issuer is the only one, because the user configured no other. */
export const isLocalIdentity = (given: Environment): boolean =>
  [policyVariable, ...identityVariables].every((name) => !given[name]);

/**
 * Throws a user-facing error if the settings name no issuer, only a part of one, or two sources of
 * issuers.
 */
const checkIdentity = (given: Environment): void => {
  if (!given[policyVariable]) return void readIdentityConfig(given);
  const others = identityVariables.filter((name) => given[name]);
  if (others.length > 0) {
    throw new Error(`${[policyVariable, ...others].join(' and ')} are set together; set one`);
  }
};

/**
 * Whether a service elsewhere may need the user's credentials: always for a KMS, and for a store if
 * the user has set any.
 */
const needsCredentials = (given: Environment, { keyArn, storeIsHere }: LocalParts): boolean =>
  keyArn === undefined ||
  (!storeIsHere && Boolean(given['AWS_ACCESS_KEY_ID'] || given['AWS_PROFILE']));

/**
 * Returns the variables to set; `undefined` means that the variable must be removed. Throws a
 * user-facing error that names a missing variable, or two that exclude each other.
 */
export const environmentOf = (given: Environment, parts: LocalParts): Environment => {
  const { vaultId, keyArn, jwks } = parts;
  const local: Environment = {
    VAULT_ID: vaultId,
    TABLE_NAME: given['TABLE_NAME'] || 'vault',
    AWS_REGION: given['AWS_REGION'] || given['AWS_DEFAULT_REGION'] || 'us-east-1',
    ...(keyArn !== undefined && { MASTER_KEY_ID: keyArn }),
    ...(!needsCredentials(given, parts) && noCredentials),
    ...(isLocalIdentity(given) && localIdentity(jwks)),
  };
  try {
    readServicesConfig({ ...given, ...local });
    checkIdentity({ ...given, ...local });
  } catch (error) {
    throw misconfigured(`the functions cannot start: ${sentenceOf(error)}`, error);
  }
  return local;
};

/** Sets the variables for this process and the functions in it. */
export const applyEnvironment = (variables: Environment): void => {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
};

/** Imports what the functions share. Set the environment first, because it is read at import. */
const importParts = async () => {
  try {
    const { ports, writers } = await import('../../functions/runtime/vault.ts');
    const { endpointParts } = await import('../../functions/runtime/endpoint.ts');
    return { ports: { ...ports, writers }, endpointParts };
  } catch (error) {
    // A plain Error is a function's message about its configuration. Any other error is a bug of
    // ours, and is shown with its stack.
    if (!(error instanceof Error) || error.name !== 'Error') throw error;
    throw misconfigured(`the functions cannot start: ${sentenceOf(error)}`, error);
  }
};

const readableOnTheWay = (host: string): string =>
  `HOST is ${host} without TLS: whoever is between a caller and this port can read tokens and values. Set VAULT_TLS_CERT ` +
  'and VAULT_TLS_KEY, or let only a proxy with TLS reach this port';

/**
 * Serves the API and the description of the API on `HOST` (default:
 * 127.0.0.1) and `port`, over HTTPS if `pair` has a certificate and its key, otherwise over HTTP.
 * Throws a user-facing error if it cannot.
 */
export const serveFunctions = async (options: {
  readonly port: number;
  readonly pair: ServingPair | undefined;
  /** The status of the node that runs in this process, if there is one. */
  readonly node?: (() => object) | undefined;
  readonly report: (line: string) => void;
}): Promise<Gateway> => {
  const { port, pair, node, report } = options;
  const { ports, endpointParts } = await importParts();
  const commit = commitOf(root) ?? readCommit();
  const needs: ApiNeeds = {
    ...ports,
    isReady: createReadiness(ports, machineClock),
    clock: machineClock,
    about: { version: manifest.version, commit },
    policy: policyState,
    node,
  };
  const api = createApi([...routes, openapiRoute], { ...endpointParts, needs, report });
  const host = readHost();
  try {
    const gateway = await startGateway({ api, host, port, pair });
    if (!isConfidential(new URL(gateway.url))) report(readableOnTheWay(host));
    return gateway;
  } catch (error) {
    throw portRefused(host, port, error);
  }
};

/**
 * The functions in this process: their environment, their import, and the gateway in front of them.
 * The environment consists of the user's settings and those of the parts that run here, such as the
 * vault's id and the ARN of a master key in a file. The user's credentials are left out if nothing
 * here needs them. The identity settings are either all the user's or all local, never mixed.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { localAudience, localIssuer } from '../../functions/access/policy-types.ts';
import { createApi } from '../../functions/api.ts';
import type { Route } from '../../functions/http/route.ts';
import { type ApiNeeds, routes } from '../../functions/routes.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import {
  identityVariables,
  policyVariable,
  readIdentityConfig,
  readServicesConfig,
} from '../../functions/runtime/config.ts';
import { isConfidential } from '../../system/address.ts';
import { commitOf } from '../../system/commit.ts';
import { misconfigured, sentenceOf } from '../../system/failures.ts';
import type { ServingPair } from '../http/tls.ts';
import { root } from '../process/data-folder.ts';
import { noCredentials } from '../process/no-credentials.ts';
import { portRefused, readHost } from '../process/ports.ts';
import type { Route as TemplateRoute } from '../template.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { toEvent } from './lambda.ts';
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

/** Wraps a function as a route. */
const routeOf = async (route: TemplateRoute): Promise<Route<unknown>> => {
  const { operation, method, path, entryPoint } = route;
  const { handler } = await import(pathToFileURL(join(root, entryPoint)).href);
  return {
    ...{ operation, method, path, scopes: [] },
    serve: () => async (request, parameters) => {
      const event = toEvent(request, route, parameters);
      const context = { awsRequestId: request.requestId };
      const { statusCode: status, headers, body } = await handler(event, context);
      return { status, headers, body };
    },
  };
};

/** Imports the functions. Set the environment first, because they read it at import. */
const importRoutes = async (
  routes: readonly TemplateRoute[],
): Promise<readonly Route<unknown>[]> => {
  try {
    return await Promise.all(routes.map(routeOf));
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
 * Serves the functions of the template and the description of the API on `HOST` (default:
 * 127.0.0.1) and `port`, over HTTPS if `pair` has a certificate and its key, otherwise over HTTP.
 * Throws a user-facing error if it cannot.
 */
export const serveFunctions = async (options: {
  readonly routes: readonly TemplateRoute[];
  readonly port: number;
  readonly pair: ServingPair | undefined;
  readonly report: (line: string) => void;
}): Promise<Gateway> => {
  const { port, pair, report } = options;
  applyEnvironment({ VAULT_COMMIT: commitOf(root) ?? process.env['VAULT_COMMIT'] });
  const isConverted = ({ operation }: TemplateRoute) =>
    routes.some((route) => route.operation === operation);
  const imported = await importRoutes(
    options.routes.filter((route) => route.method !== 'HEAD' && !isConverted(route)),
  );
  const { storePorts } = await import('../../functions/runtime/store.ts');
  const { ports, writers } = await import('../../functions/runtime/vault.ts');
  const { endpointParts } = await import('../../functions/runtime/endpoint.ts');
  const isReady = createReadiness(storePorts, machineClock);
  const all: readonly Route<ApiNeeds>[] = [...routes, ...imported, openapiRoute];
  const api = createApi(all, { ...endpointParts, needs: { ...ports, writers, isReady }, report });
  const host = readHost();
  try {
    const gateway = await startGateway({ api, host, port, pair });
    if (!isConfidential(new URL(gateway.url))) report(readableOnTheWay(host));
    return gateway;
  } catch (error) {
    throw portRefused(host, port, error);
  }
};

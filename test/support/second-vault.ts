/**
 * Another host of the same functions on the same table and master key, as Lambda would run them. The hosts share no
 * memory.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicJwk } from './issuer.ts';
import { type RunningVault, startVault } from './running-vault.ts';
import { issuerOf } from './tokens.ts';

const readJson = (folder: string, file: string): Readonly<Record<string, string>> =>
  JSON.parse(readFileSync(join(folder, file), 'utf8'));

type Endpoints = { readonly store: string; readonly kms: string };

/** The addresses of the store and the KMS of a running vault. */
export const endpointsOf = ({ dataDir }: Pick<RunningVault, 'dataDir'>): Endpoints => {
  const { dynamodbEndpoint = '', kmsEndpoint = '' } = readJson(dataDir, 'running.json');
  return { store: dynamodbEndpoint, kms: kmsEndpoint };
};

/**
 * The variables by which another host uses the store and the KMS of the vault that runs on this folder, at their own
 * endpoints or at others that lead there.
 */
export const servicesOf = (
  dataDir: string,
  endpoints = endpointsOf({ dataDir }),
): NodeJS.ProcessEnv => {
  const running = readJson(dataDir, 'running.json');
  const kms = readJson(dataDir, 'kms.json');
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.store,
    AWS_ENDPOINT_URL_KMS: endpoints.kms,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: kms['accessKeyId'],
    AWS_SECRET_ACCESS_KEY: kms['secretAccessKey'],
    VAULT_ID: running['vaultId'],
    TABLE_NAME: running['tableName'],
    MASTER_KEY_ID: running['masterKeyId'],
  };
};

/** Starts a host that accepts the tokens of `first` and uses its store and KMS. End it before `first`. */
export const startBeside = async (
  first: RunningVault,
  endpoints = endpointsOf(first),
): Promise<RunningVault> => {
  const issuer = issuerOf(first.dataDir);
  return await startVault({
    ...servicesOf(first.dataDir, endpoints),
    AUTH_ISSUER: 'urn:vault:local',
    AUTH_AUDIENCE: 'vault',
    AUTH_JWKS: JSON.stringify({ keys: [publicJwk(issuer, { kid: issuer.kid })] }),
  });
};

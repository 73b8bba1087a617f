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

/** The variables of a host that uses the KMS at this address, with the key of the vault that runs on this folder. */
export const kmsOf = (dataDir: string, endpoint: string): NodeJS.ProcessEnv => ({
  AWS_ENDPOINT_URL_KMS: endpoint,
  MASTER_KEY_ID: readJson(dataDir, 'running.json')['masterKeyId'],
  VAULT_MASTER_KEY_FILE: '',
});

/** The variables by which another host uses the table and the master key of the vault over DynamoDB on this folder. */
export const servicesOf = (dataDir: string): NodeJS.ProcessEnv => {
  const running = readJson(dataDir, 'running.json');
  return {
    AWS_ENDPOINT_URL_DYNAMODB: running['dynamodbEndpoint'],
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'unchecked',
    AWS_SECRET_ACCESS_KEY: 'unchecked',
    VAULT_ID: running['vaultId'],
    TABLE_NAME: running['tableName'],
    VAULT_MASTER_KEY_FILE: join(dataDir, 'kms.json'),
  };
};

/** Starts a host that accepts the tokens of `first`, a vault over DynamoDB, and uses its table and its key. End it first. */
export const startBeside = async (
  first: RunningVault,
  settings: NodeJS.ProcessEnv = {},
): Promise<RunningVault> => {
  const issuer = issuerOf(first.dataDir);
  return await startVault({
    ...servicesOf(first.dataDir),
    AUTH_ISSUER: 'urn:vault:local',
    AUTH_AUDIENCE: 'vault',
    AUTH_JWKS: JSON.stringify({ keys: [publicJwk(issuer, { kid: issuer.kid })] }),
    ...settings,
  });
};

/**
 * Another host of the same functions that uses the same table and master key, as on Lambda. The
 * hosts share no memory.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicJwk } from './issuer.ts';
import { type RunningVault, startVault } from './running-vault.ts';
import { issuerOf } from './tokens.ts';

const readJson = (folder: string, file: string): Readonly<Record<string, string>> =>
  JSON.parse(readFileSync(join(folder, file), 'utf8'));

/**
 * Returns the environment of a host that uses the KMS at this address, with the id of the master
 * key of the vault that runs on this folder.
 */
export const kmsOf = (dataDir: string, endpoint: string): NodeJS.ProcessEnv => ({
  AWS_ENDPOINT_URL_KMS: endpoint,
  MASTER_KEY_ID: readJson(dataDir, 'running.json')['masterKeyId'],
  VAULT_MASTER_KEY_FILE: '',
});

/**
 * Returns the environment of another host that uses the table and the master key of the vault on
 * this folder, which must run over DynamoDB.
 */
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

/**
 * Starts a host that accepts the tokens of `first` and uses its table and key. `first` must run
 * over DynamoDB. End the new host before `first`.
 */
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

/**
 * `npm run -s token -- --tenant acme --sub alice` prints a token for the running vault, or for `npm
 * start` if none runs, and nothing else.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../../functions/model/limits.ts';
import {
  isNamePattern,
  isScope,
  isSubject,
  isTenant,
  scopes,
  tenantForm,
} from '../../functions/model/types.ts';
import { failure, usage } from '../../system/failures.ts';
import {
  type Claims,
  openTokenKey,
  tokenKeyFile,
  tokenLifetimeMaxS,
} from '../identity/token-key.ts';
import { openDataFolder } from '../process/data-folder.ts';
import { newProgram, runProgram } from '../process/program.ts';
import { chooseVault, type Vault, vaultNames } from '../vaults/find-vaults.ts';

/**
 * A destruction cannot be undone, so a token can destroy only if whoever makes it asks for that.
 */
const usualScopes = 'secrets:read secrets:write secrets:delete secrets:explain';

const readLifetime = (text: string): number => {
  const [, count = '', unit = ''] = /^([1-9]\d{0,5})([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * ({ s: 1, m: 60, h: 3_600 }[unit] ?? 0);
  if (seconds > 0 && seconds <= tokenLifetimeMaxS) return seconds;
  throw usage('--ttl is a number of s, m or h, such as 90s, 30m or 1h, and at most 24h');
};

const readNames = (text: string): readonly string[] => {
  const patterns = text.split(',').map((pattern) => pattern.trim());
  const names = text.trim() === '' ? [] : patterns;
  if (names.length > limits.namePatternsMax) {
    throw usage(`--names takes at most ${limits.namePatternsMax} patterns`);
  }
  if (names.every(isNamePattern)) return names;
  throw usage('--names takes names, beginnings of names followed by *, or *, separated by commas');
};

const readClaims = ({ tenant, sub, scope, names }: TokenOptions): Claims => {
  if (tenant === undefined) throw usage(`--tenant is needed: ${tenantForm}`);
  if (!isTenant(tenant)) throw usage(`--tenant is ${tenantForm}`);
  if (sub === undefined || !isSubject(sub)) {
    const form = 'bytes, without control or format characters';
    throw usage(`--sub is needed: 1 to ${limits.subjectBytesMax} ${form}`);
  }
  const unknown = scope.split(' ').filter((word) => word !== '' && !isScope(word));
  if (unknown.length > 0)
    throw usage(`--scope has an unknown scope: the scopes are ${scopes.join(', ')}`);
  return { tenant, sub, scope, ...(names !== undefined && { names: readNames(names) }) };
};

const program = newProgram(
  'npm run token --',
  'prints a token, and nothing else, for the vault that runs on this machine, or for npm start if none runs',
  [
    'TOKEN=$(npm run -s token -- --tenant demo --sub you)',
    'npm run -s token -- --tenant demo --sub you --for cluster',
    'npm run -s token -- --tenant acme --sub ci --scope secrets:read --names "billing.*" --ttl 10m',
  ],
)
  .option('--tenant <tenant>', 'the tenant whose secrets the token can access')
  .option('--sub <subject>', 'who the caller is; the vault records it with each version')
  .option('--scope <scopes>', `${scopes.join(', ')}, separated by blanks`, usualScopes)
  .option(
    '--names <patterns>',
    'names, or beginnings of names followed by *; the default is all names',
  )
  .option('--ttl <time>', 'how long the token is valid: 90s, 30m, at most 24h', '1h')
  .option('--for <name>', `which vault, if several run: ${vaultNames.join(', ')}`)
  .option('--json', 'print the token and the address of the vault, which must run, as JSON');
type TokenOptions = ReturnType<typeof program.opts>;

/**
 * Refuses the folder of a node: no vault would accept its tokens, because the nodes of a cluster
 * accept the tokens of the folder that `npm run cluster -- init` created.
 */
const refuseNodeFolder = (folder: string): void => {
  if (!existsSync(join(folder, 'node.json'))) return;
  throw failure(
    `${folder} belongs to one node of a cluster, which signs no tokens: run npm run token without VAULT_DATA_DIR on ` +
      'the machine that started the cluster',
  );
};

/**
 * Refuses to make a new key if a vault runs, or nodes exist, that accept only the key that is
 * missing: they would refuse all tokens of the new one.
 */
const refuseNewKey = ({ url, keyFolder }: Vault): void => {
  const isOfInit = existsSync(join(keyFolder, 'cluster.json'));
  const file = tokenKeyFile(keyFolder);
  if (existsSync(file) || !(isOfInit || url)) return;
  const [who, next] = isOfInit
    ? ['the nodes', `run npm run cluster -- init ${keyFolder} and copy cluster.json to all nodes`]
    : [`the vault on ${url}`, 'restart the vault'];
  throw failure(
    `${file} is missing, and ${who} would refuse the tokens of a new key: put back a copy. Otherwise ${next}; that ` +
      'makes a new key, and all earlier tokens get 401',
  );
};

program.action(async (options) => {
  // A wrong command line is reported before vaults are searched.
  const claims = readClaims(options);
  const lifetimeS = readLifetime(options.ttl);
  const vault = await chooseVault(process.env, options.for, options.json === true);
  const { url, keyFolder, name } = vault;
  refuseNodeFolder(keyFolder);
  refuseNewKey(vault);
  openDataFolder(keyFolder);
  const token = await (await openTokenKey(keyFolder)).issue(claims, lifetimeS);
  const printed = options.json ? JSON.stringify({ vault: name, url, token }) : token;
  process.stdout.write(`${printed}\n`);
});

await runProgram(program);

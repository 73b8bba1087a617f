/** `npm run -s token -- --tenant acme --sub alice`: prints a token for the vault that runs, and nothing else. */
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
import { failure } from '../../system/failures.ts';
import { type Claims, openTokenKey, tokenLifetimeMaxS } from '../identity/token-key.ts';
import { openDataFolder } from '../process/data-folder.ts';
import { runProgram } from '../process/program.ts';
import { chooseVault, vaultNames } from '../vaults/find-vaults.ts';

const usage = (sentence: string): Error => failure(sentence, { exitCode: 2 });
/** A destruction cannot be undone, so only a token whose maker asked for it can destroy. */
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
  throw usage('--names takes names, beginnings of names with * behind, or *, with commas between');
};

const readClaims = (options: Readonly<Record<string, string | undefined>>): Claims => {
  const { tenant, sub, scope = usualScopes, names } = options;
  if (tenant === undefined) throw usage(`--tenant is needed: ${tenantForm}`);
  if (!isTenant(tenant)) throw usage(`--tenant is ${tenantForm}`);
  if (sub === undefined || !isSubject(sub)) {
    const form = 'bytes without control and format characters';
    throw usage(`--sub is needed: 1 to ${limits.subjectBytesMax} ${form}`);
  }
  const unknown = scope.split(' ').filter((word) => word !== '' && !isScope(word));
  if (unknown.length > 0) throw usage(`--scope knows ${scopes.join(', ')}`);
  return { tenant, sub, scope, ...(names !== undefined && { names: readNames(names) }) };
};

const claimOptions = {
  tenant: { value: 'T', does: 'the tenant whose secrets the token opens' },
  sub: { value: 'S', does: 'who the caller is; the vault records it with each version' },
  scope: { value: '"A B"', does: `${scopes.join(', ')}; ${usualScopes} are the preset` },
  names: { value: '"A,B.*"', does: 'names or beginnings of names; all names are the preset' },
  ttl: { value: 'TIME', does: 'how long the token holds: 90s, 30m, 1h (the preset), at most 24h' },
} as const;

const commandLine = {
  name: 'npm run token',
  does: 'prints a token for the vault that runs on this machine, and nothing else',
  forms: [['--tenant T --sub S [options]', 'if no vault runs, a token for npm start']],
  options: {
    ...claimOptions,
    for: { value: 'NAME', does: `which vault, if several run: ${vaultNames.join(', ')}` },
    json: { does: 'print the token and the address of the vault, which must run, as JSON' },
  },
  examples: [
    'TOKEN=$(npm run -s token -- --tenant demo --sub you)',
    'npm run -s token -- --tenant demo --sub you --for cluster',
    'npm run -s token -- --tenant acme --sub ci --scope secrets:read --names "billing.*" --ttl 10m',
  ],
} as const;

type Wanted = { readonly [Name in keyof typeof claimOptions]?: string | undefined };

/**
 * Refuses the folder of a node: no vault would accept a token of it, because the nodes of a cluster accept the tokens
 * of the folder that `npm run cluster -- init` made.
 */
const refuseNodeFolder = (folder: string): void => {
  if (!existsSync(join(folder, 'node.json'))) return;
  throw failure(
    `${folder} belongs to one node of a cluster, which signs no tokens: run npm run token without VAULT_DATA_DIR on ` +
      'the machine that started the cluster',
  );
};

const signedBy = async (keyFolder: string, wanted: Wanted): Promise<string> => {
  const claims = readClaims(wanted);
  const lifetime = readLifetime(wanted.ttl ?? '1h');
  refuseNodeFolder(keyFolder);
  openDataFolder(keyFolder);
  return await (await openTokenKey(keyFolder)).issue(claims, lifetime);
};

await runProgram(commandLine, async ({ options: { for: name, json, ...wanted } }) => {
  // A wrong command line is refused before the search for a vault.
  readClaims(wanted);
  const { url, keyFolder, name: vault } = await chooseVault(process.env, name, json === true);
  const token = await signedBy(keyFolder, wanted);
  process.stdout.write(`${json ? JSON.stringify({ vault, url, token }) : token}\n`);
});

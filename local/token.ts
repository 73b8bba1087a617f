/** `npm run -s token -- --tenant acme --sub alice`: prints a token for the local vault, and nothing else. */
import { limits } from '../functions/model/limits.ts';
import { isNamePattern, isTenant } from '../functions/model/names.ts';
import { failure } from './command.ts';
import { dataFolderOf, openDataFolder } from './data-folder.ts';
import { runProgram } from './program.ts';
import { type Claims, openTokenKey, tokenLifetimeMaxS } from './token-key.ts';

const usage = (sentence: string): Error => failure(sentence, { exitCode: 2 });
const knownScopes = ['secrets:read', 'secrets:write', 'vault:status'];

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
  const { tenant, sub, scope = 'secrets:read secrets:write', names } = options;
  if (tenant === undefined || !isTenant(tenant)) {
    throw usage('--tenant is needed: 1 to 64 letters, digits, _ or -');
  }
  const subjectBytes = Buffer.byteLength(sub ?? '');
  if (sub === undefined || subjectBytes === 0 || subjectBytes > limits.subjectBytesMax) {
    throw usage(`--sub is needed: 1 to ${limits.subjectBytesMax} bytes`);
  }
  const unknown = scope.split(' ').filter((word) => word !== '' && !knownScopes.includes(word));
  if (unknown.length > 0) throw usage(`--scope knows ${knownScopes.join(', ')}`);
  return { tenant, sub, scope, ...(names !== undefined && { names: readNames(names) }) };
};

const commandLine = {
  name: 'npm run token',
  does: 'prints a token for the local vault, and nothing else',
  forms: [['--tenant T --sub S [--scope "…"] [--names "…"] [--ttl 1h]', '']],
  options: {
    tenant: { value: 'T', does: 'the tenant whose secrets the token opens' },
    sub: { value: 'S', does: 'who the caller is; the vault records it with each version' },
    scope: { value: '"A B"', does: `${knownScopes.join(', ')}; the first two are the preset` },
    names: { value: '"A,B.*"', does: 'names or beginnings of names; all names are the preset' },
    ttl: {
      value: 'TIME',
      does: 'how long the token holds: 90s, 30m, 1h (the preset), at most 24h',
    },
  },
  examples: [
    'TOKEN=$(npm run -s token -- --tenant demo --sub you)',
    'npm run -s token -- --tenant acme --sub ci --scope secrets:read --names "billing.*" --ttl 10m',
  ],
} as const;

await runProgram(commandLine, async ({ options }) => {
  const claims = readClaims(options);
  const lifetime = readLifetime(options.ttl ?? '1h');
  const folder = dataFolderOf(process.env);
  openDataFolder(folder);
  process.stdout.write(`${await (await openTokenKey(folder)).issue(claims, lifetime)}\n`);
});

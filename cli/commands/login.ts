import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainAddress } from '../../client/address.ts';
import { certificatesIn } from '../../system/certificates.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { readAddr } from '../../system/vault-address.ts';
import { note, printJson } from '../output/output.ts';
import { type LocalToken, makeLocalToken } from '../requests/local-vaults.ts';
import { findProfile, type OidcClient, profileFile, writeProfile } from '../requests/profile.ts';
import { profileName, readSettings, type Settings } from '../requests/settings.ts';
import { type Token, tokenOfText } from '../requests/token.ts';
import { tokenOfCommand, wordsOf } from '../requests/token-command.ts';
import { openClient } from '../requests/vault-client.ts';
import { askHidden, readStdin } from '../values/read-value.ts';
import { vaultCommand } from './command-line.ts';
import { deviceToken } from './device-login.ts';

export const loginCommand = () =>
  vaultCommand(
    'login',
    'store a token, by default from stdin, and the address of its vault in a profile',
    'dsvault login --local',
    'dsvault login --local --for cluster --tenant demo --sub you',
    'dsvault login --profile production --addr https://vault.example.com < token',
    'dsvault login --oidc --issuer https://login.example.com --client-id dsvault',
    "dsvault login --token-command 'kubectl create token deployer --audience vault'",
  )
    .option('--local', 'make the token for a vault that runs on this machine, and find its address')
    .option('--for <vault>', 'with --local: start, cluster, sam or localstack')
    .option('--tenant <tenant>', 'with --local: the tenant of the token (demo)')
    .option('--sub <subject>', 'with --local: who you are (you)')
    .option('--oidc', 'get the token from an OpenID provider, where you approve a code')
    .option('--issuer <url>', 'with --oidc: the issuer, exactly as it names itself')
    .option('--client-id <id>', 'with --oidc: a client of the issuer')
    .option(
      '--client-secret-file <file>',
      'with --oidc: a private file with the secret of the client',
    )
    .option('--audience <audience>', 'with --oidc: the audience that the vault expects')
    .option(
      '--scope <scopes>',
      'with --local: what you may do (all but secrets:destroy); with --oidc: what to ask for (openid)',
    )
    .option(
      '--ca <file>',
      'trust an address of https:// by these certificates alone, of its authority or its own, in PEM; the profile keeps a copy',
    )
    .option('--token-command <command>', 'store a command that prints a token, instead of a token')
    .action(async ({ json, local, for: which, tenant, sub, oidc, scope, ...rest }) => {
      const { issuer, clientId, clientSecretFile, audience, ca: caFile, ...others } = rest;
      const { tokenCommand, ...flags } = others;
      const profile = profileName(flags);
      if ([local, oidc, tokenCommand].filter((way) => way !== undefined).length > 1) {
        throw usage('give one of --local, --oidc and --token-command');
      }
      if (!local && (which ?? tenant ?? sub) !== undefined) {
        throw usage('--for, --tenant and --sub belong to --local');
      }
      if (!oidc && (issuer ?? clientId ?? clientSecretFile ?? audience) !== undefined) {
        throw usage('--issuer, --client-id, --client-secret-file and --audience belong to --oidc');
      }
      if (!local && !oidc && scope !== undefined) {
        throw usage('--scope belongs to --local and to --oidc');
      }
      // Login replaces the stored token or token command, even if the profile is damaged.
      const { token: _, tokenCommand: __, ...kept } = findProfile(profile) ?? {};
      const made: LocalToken | undefined = local
        ? await makeLocalToken({ for: which, tenant: tenant ?? 'demo', sub: sub ?? 'you', scope })
        : undefined;
      const settings = readSettings({ ...flags, ...(made && { addr: made.url }) }, kept);
      const { addr } = settings;
      requireMeant(addr, flags.addr, { profile, kept: kept.addr });
      const ca = caFile === undefined ? settings.ca : readCa(caFile, addr);
      const given = { issuer, clientId, scope, audience, clientSecretFile };
      const client = oidc ? oidcClientOf(given, kept.oidc) : undefined;
      const words = tokenCommand === undefined ? undefined : wordsOf(tokenCommand, commandFlag);
      const token = words
        ? tokenOfCommand(words, commandFlag, addr)
        : client
          ? tokenOfProvider(client, settings)
          : made
            ? { source: '--local', read: () => made.token }
            : await tokenOfStdin();
      // A token that the vault refuses is not stored.
      await openClient({ ...settings, ca, token })('get-status');
      const file = writeProfile(profile, {
        ...kept,
        ...(client && { oidc: client }),
        ...{ addr, ca },
        ...(words ? { tokenCommand: [...words] } : { token: await token.read() }),
      });
      if (json) return await printJson({ profile, addr, file: profileFile(profile) });
      note(`profile ${profile} for ${addr} is saved in ${file}`);
    });

/**
 * Throws unless the address is that of the profile, or the user has typed it for this login. A
 * profile that has no valid address may get any.
 */
const requireMeant = (
  addr: string,
  typed: string | undefined,
  { profile, kept = '' }: { readonly profile: string; readonly kept: string | undefined },
): void => {
  if (typed !== undefined && readAddr(typed, '--addr') !== addr) {
    throw usage(`--local found the vault at ${addr}, but --addr names a different address`);
  }
  const own = plainAddress(kept);
  if (typed !== undefined || own === undefined || own === addr) return;
  const sentence = `profile ${profile} is for ${own}, and this login is for ${addr}`;
  throw usage(`${sentence}: --addr ${addr} changes the profile, --profile NAME makes another`);
};

const commandFlag = '--token-command';

/** The certificates in the file. If the file also has a key, that is not stored. */
const readCa = (file: string, addr: string): string => {
  if (!addr.startsWith('https:')) throw usage('--ca belongs to an address of https://');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const sentence = `cannot read the file of --ca (${systemCodeOf(error)}): give a file with the certificates in PEM`;
    throw failure(sentence, { cause: error });
  }
  const certificates = certificatesIn(text);
  if (certificates.length === 0)
    throw usage('the file of --ca does not contain a complete certificate in PEM');
  return certificates.join('');
};

/** Returns the OpenID client that the flags name. What they leave out comes from the profile. */
const oidcClientOf = (
  given: { readonly [flag in keyof OidcClient]: string | undefined },
  remembered: OidcClient | undefined,
): OidcClient => {
  // A different issuer does not know the client in the profile, so nothing of that client is used.
  const old = given.issuer === undefined ? remembered : undefined;
  const [issuer, clientId] = [given.issuer ?? old?.issuer, given.clientId ?? old?.clientId];
  if (issuer === undefined || clientId === undefined) {
    throw usage('--oidc needs --issuer and --client-id the first time; the profile keeps them');
  }
  // A different client has a different secret, so the file with the old one is not used.
  const oldFile = given.clientId === undefined ? old?.clientSecretFile : undefined;
  const file = given.clientSecretFile ?? oldFile;
  return {
    issuer,
    clientId,
    scope: given.scope ?? old?.scope,
    audience: given.audience ?? old?.audience,
    clientSecretFile: file === undefined ? undefined : resolve(file),
  };
};

const tokenOfProvider = (client: OidcClient, { timeoutMs }: Settings): Token => {
  let token: Promise<string> | undefined;
  const ask = () => deviceToken(client, { fetch, sleep, now: Date.now, tell: note, timeoutMs });
  return { source: '--oidc', read: () => (token ??= ask()) };
};

const tokenOfStdin = async (): Promise<Token> => {
  const typed = process.stdin.isTTY ? await askHidden('token: ') : await readStdin('the token');
  return tokenOfText('stdin', () => typed.toString(), 'give a valid one, or use --local or --oidc');
};

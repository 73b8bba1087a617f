/** The settings of requests. Flags override the environment, which overrides the profile. */
import { readFileSync } from 'node:fs';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { variable } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { readAddr } from '../../system/vault-address.ts';
import { type Profile, presetProfile, readProfile } from './profile.ts';
import { isJwt, type Token } from './token.ts';
import { tokenOfCommand, wordsOf } from './token-command.ts';

/** A command with the options of requests. No option has a token: others can read a command line. */
export const withSettings = <Options extends OptionValues>(command: Command<[], Options>) =>
  command
    .option('--addr <url>', 'where the vault is (DSVAULT_ADDR)')
    .option(
      '--token-file <file>',
      'a file with the token (DSVAULT_TOKEN_FILE; DSVAULT_TOKEN holds one)',
    )
    .option('--profile <name>', 'a profile that dsvault login has stored (DSVAULT_PROFILE)')
    .option('--timeout <seconds>', 'the time limit of one attempt (DSVAULT_TIMEOUT)')
    .option('--retries <count>', 'the number of attempts after the first (DSVAULT_RETRIES)')
    .option('--verbose', 'print requests and statuses on stderr')
    .option('--curl', 'print the request, without token and values, instead of sending it');

/** The flags of a command that asks the vault; `idempotencyKey` is one of commands that write. */
export type Flags = ReturnType<ReturnType<typeof withSettings<Record<never, never>>>['opts']> & {
  readonly idempotencyKey?: string | undefined;
};

export type Settings = {
  /** The address without a slash at its end. */
  readonly addr: string;
  /** The certificates, in PEM, of the authorities that alone are trusted; those of the system if there are none. */
  readonly ca: string | undefined;
  readonly token: Token | undefined;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly idempotencyKey: string | undefined;
  readonly verbose: boolean;
  readonly curl: boolean;
  readonly profile: string;
};

const defaultAddr = 'http://127.0.0.1:3000';
/** The vault itself always answers within 10 s. */
const defaultTimeoutS = '15';
const defaultRetries = '3';
const timeoutMaxS = 600;
const retriesMax = 20;

export const profileName = (flags: Flags): string =>
  flags.profile ?? variable('DSVAULT_PROFILE') ?? presetProfile;

/** `kept` is the profile. */
export const readSettings = (
  flags: Flags,
  kept: Profile = readProfile(profileName(flags)),
): Settings => {
  const profile = profileName(flags);
  const timeout = flags.timeout ?? variable('DSVAULT_TIMEOUT') ?? kept.timeout ?? defaultTimeoutS;
  const retries = flags.retries ?? variable('DSVAULT_RETRIES') ?? kept.retries ?? defaultRetries;
  const addr = readAddr(flags.addr ?? variable('DSVAULT_ADDR') ?? kept.addr ?? defaultAddr);
  return {
    addr,
    ca: kept.ca,
    token: readToken(flags, kept, `profile ${profile}`, addr),
    timeoutMs: readTimeout(timeout),
    retries: readRetries(retries),
    idempotencyKey: readKey(flags.idempotencyKey),
    verbose: flags.verbose === true,
    curl: flags.curl === true,
    profile,
  };
};

const readTimeout = (text: string): number => {
  const seconds = /^\d{1,3}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= timeoutMaxS) return seconds * 1_000;
  throw usage(`the timeout is a number of seconds, at most ${timeoutMaxS}`);
};

const readRetries = (text: string): number => {
  if (/^\d{1,2}$/.test(text) && Number(text) <= retriesMax) return Number(text);
  throw usage(`the number of retries is 0 to ${retriesMax}`);
};

const readKey = (text: string | undefined): string | undefined => {
  if (text === undefined || /^[!-~]{16,128}$/.test(text)) return text;
  throw usage('--idempotency-key is 16 to 128 visible ASCII characters');
};

const readToken = (
  flags: Flags,
  kept: Profile,
  profile: string,
  addr: string,
): Token | undefined => {
  const typed = variable('DSVAULT_TOKEN');
  const file = variable('DSVAULT_TOKEN_FILE');
  const command = variable('DSVAULT_TOKEN_COMMAND');
  if (flags.tokenFile !== undefined) return tokenOfFile(flags.tokenFile, '--token-file');
  if (typed !== undefined) return tokenOf(typed, 'DSVAULT_TOKEN');
  if (file !== undefined) return tokenOfFile(file, 'DSVAULT_TOKEN_FILE');
  if (command !== undefined) {
    return tokenOfCommand(wordsOf(command, 'DSVAULT_TOKEN_COMMAND'), 'DSVAULT_TOKEN_COMMAND', addr);
  }
  if (kept.token !== undefined) return tokenOf(kept.token, profile);
  return kept.tokenCommand && tokenOfCommand(kept.tokenCommand, profile, addr);
};

const tokenOfFile = (file: string, source: string): Token => {
  try {
    return tokenOf(readFileSync(file, 'utf8'), source);
  } catch (error) {
    if (systemCodeOf(error) === 'unknown error') throw error;
    throw failure(`cannot read the file of ${source} (${systemCodeOf(error)})`, {
      kind: 'denied',
      cause: error,
    });
  }
};

/** The token in a text. Throws for a text that has none, and does not repeat the text. */
export const tokenOf = (text: string, source: string): Token => {
  const token = text.trim();
  if (isJwt(token)) return { source, read: () => token };
  throw failure(`${source} holds no token`, { kind: 'denied' });
};

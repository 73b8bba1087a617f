/** The settings of requests. Flags override the environment, which overrides the profile. */
import { readFileSync } from 'node:fs';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import { plainAddress } from '../../client/address.ts';
import { isLoopback } from '../../system/address.ts';
import { variable } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { readAddr } from '../../system/vault-address.ts';
import { type Profile, presetProfile, readProfile } from './profile.ts';
import { type Token, tokenOfText } from './token.ts';
import { tokenOfCommand, wordsOf } from './token-command.ts';

/**
 * Adds the options of requests to a command. There is no option for a token, because others can
 * read a command line.
 */
export const withSettings = <Options extends OptionValues>(command: Command<[], Options>) =>
  command
    .option('--addr <url>', 'where the vault is (DSVAULT_ADDR)')
    .option(
      '--token-file <file>',
      'a file with the token (DSVAULT_TOKEN_FILE; DSVAULT_TOKEN holds one)',
    )
    .option('--profile <name>', 'a profile that dsvault login has stored (DSVAULT_PROFILE)')
    .option('--timeout <seconds>', 'the time limit of one attempt (DSVAULT_TIMEOUT)')
    .option('--retries <count>', 'the number of retries (DSVAULT_RETRIES)')
    .option('--verbose', 'print requests and statuses on stderr')
    .option('--curl', 'print the request, without token and values, instead of sending it');

/** The flags of a command that sends requests. Only commands that write have `idempotencyKey`. */
export type Flags = ReturnType<ReturnType<typeof withSettings<Record<never, never>>>['opts']> & {
  readonly idempotencyKey?: string | undefined;
};

export type Settings = {
  /** The address without a slash at its end. */
  readonly addr: string;
  /**
   * The certificates (PEM) of the only trusted authorities, if the profile has some for this
   * address. If absent, those of the system are trusted.
   */
  readonly ca: string | undefined;
  readonly token: Token | undefined;
  /** The `dsvault login` command, for messages, that stores another token in the profile. */
  readonly login: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly idempotencyKey: string | undefined;
  readonly verbose: boolean;
  readonly curl: boolean;
  readonly profile: string;
};

const defaultAddr = 'http://127.0.0.1:3000';
/** Longer than the 10 s within which the vault itself always answers. */
const defaultTimeoutS = '15';
const defaultRetries = '3';
const timeoutMaxS = 600;
const retriesMax = 20;

export const profileName = (flags: Flags): string =>
  flags.profile ?? variable('DSVAULT_PROFILE') ?? presetProfile;

/** The address, and the name of the setting that it comes from. */
const readTypedAddr = ({ addr }: Flags, kept: Profile, profile: string) => {
  const from = (text: string, setting: string) => ({ addr: readAddr(text, setting), setting });
  if (addr !== undefined) return from(addr, '--addr');
  const variableAddr = variable('DSVAULT_ADDR');
  if (variableAddr !== undefined) return from(variableAddr, 'DSVAULT_ADDR');
  return from(kept.addr ?? defaultAddr, `the address in profile ${profile}`);
};

/** The address of a profile, the only one that gets its token; `undefined` if it is malformed. */
const addrOf = ({ addr = defaultAddr }: Profile): string | undefined => plainAddress(addr);

/**
 * Reads the settings of a command from its flags, the environment, and `kept`, which is the
 * profile.
 */
export const readSettings = (
  flags: Flags,
  kept: Profile = readProfile(profileName(flags)),
): Settings => {
  const profile = profileName(flags);
  const timeout = flags.timeout ?? variable('DSVAULT_TIMEOUT') ?? kept.timeout ?? defaultTimeoutS;
  const retries = flags.retries ?? variable('DSVAULT_RETRIES') ?? kept.retries ?? defaultRetries;
  const { addr, setting } = readTypedAddr(flags, kept, profile);
  const login = loginOf(kept, profile, addr);
  return {
    addr,
    ca: addr === addrOf(kept) ? kept.ca : undefined,
    token: readToken(flags, kept, `profile ${profile}`, { addr, setting, login }),
    login,
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
  { addr, setting, login }: Readonly<Record<'addr' | 'setting' | 'login', string>>,
): Token | undefined => {
  const typed = variable('DSVAULT_TOKEN');
  const file = variable('DSVAULT_TOKEN_FILE');
  const command = variable('DSVAULT_TOKEN_COMMAND');
  // A flag or a variable takes precedence over the profile, so a login changes nothing until the
  // user drops that flag or variable.
  const instead = (source: string) => `renew it, or drop ${source} and run ${login}`;
  const ofFile = (path: string, source: string) => {
    const another = `drop ${source} and run ${login}`;
    return tokenOfText(source, () => readTokenFile(path, source, another), instead(source));
  };
  if (flags.tokenFile !== undefined) return ofFile(flags.tokenFile, '--token-file');
  if (typed !== undefined) {
    return tokenOfText('DSVAULT_TOKEN', () => typed, instead('DSVAULT_TOKEN'));
  }
  if (file !== undefined) return ofFile(file, 'DSVAULT_TOKEN_FILE');
  if (command !== undefined) {
    const source = 'DSVAULT_TOKEN_COMMAND';
    return { ...tokenOfCommand(wordsOf(command, source), source, addr), another: instead(source) };
  }
  const { token, tokenCommand } = kept;
  const own = addrOf(kept);
  if ((token ?? tokenCommand) !== undefined && addr !== own) {
    if (own === undefined) {
      // The text is not shown, because it may contain a password.
      const again = `log in again with ${login} --addr ${addr}`;
      return withheld(profile, `the address of ${profile} is not valid: ${again}`);
    }
    const held = `the token of ${profile} is only for ${own}, and ${setting} is ${addr}`;
    const another = `dsvault login --profile NAME --addr ${addr}`;
    return withheld(profile, `${held}: drop ${setting}, or keep a token for it with ${another}`);
  }
  if (token !== undefined) return tokenOfText(profile, () => token, login);
  return tokenCommand && { ...tokenOfCommand(tokenCommand, profile, addr), another: login };
};

/** A token that must not be sent. A request that needs none, such as that for the health, works. */
const withheld = (source: string, sentence: string): Token => ({
  source,
  read: () => {
    throw failure(sentence, { kind: 'denied' });
  },
});

/** Returns the `dsvault login` command, for messages, that stores another token in the profile. */
const loginOf = ({ oidc, tokenCommand }: Profile, profile: string, addr: string): string => {
  const words = ['dsvault login'];
  if (tokenCommand !== undefined) words.push('--token-command COMMAND');
  else if (oidc !== undefined) words.push('--oidc');
  else if (isLoopback(new URL(addr))) words.push('--local');
  if (profile !== presetProfile) words.push(`--profile ${profile}`);
  return words.join(' ');
};

const readTokenFile = (file: string, source: string, instead: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'unknown error') throw error;
    const sentence = `cannot read the file of ${source} (${systemCodeOf(error)})`;
    throw failure(`${sentence}: give a file with a token, or ${instead}`, {
      kind: 'denied',
      cause: error,
    });
  }
};

/** The profiles of `dsvault login`: one file for each profile, which only its owner can read. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { configurationFolder } from '../../system/environment.ts';
import { failure, systemCodeOf, usage } from '../../system/failures.ts';
import { isOpenToOthers, replaceFile } from '../output/private-files.ts';

/** How `dsvault login --oidc` gets a token. Nothing in it is secret. */
const oidcClient = v.object({
  issuer: v.string(),
  clientId: v.string(),
  scope: v.optional(v.string()),
  audience: v.optional(v.string()),
  /**
   * The absolute path of the file with the client's secret. The secret itself is not in the
   * profile.
   */
  clientSecretFile: v.optional(v.string()),
});
export type OidcClient = v.InferOutput<typeof oidcClient>;

const profile = v.object({
  addr: v.optional(v.string()),
  /** The certificates (PEM) of the only authorities that are trusted for the address. */
  ca: v.optional(v.string()),
  token: v.optional(v.string()),
  /** The arguments of a command that prints a token. */
  tokenCommand: v.optional(v.array(v.string())),
  oidc: v.optional(oidcClient),
  timeout: v.optional(v.string()),
  retries: v.optional(v.string()),
});
export type Profile = v.InferOutput<typeof profile>;

export const profileFile = (name: string): string => {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return join(configurationFolder(), `${name}.json`);
  throw usage('the name of a profile is 1 to 64 letters, digits, _ or -');
};

/** The profile that is used if the command line names none. */
export const presetProfile = 'default';

/** The names of all profiles. */
export const profileNames = (): readonly string[] => {
  const folder = configurationFolder();
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  return files.flatMap((file) => /^([A-Za-z0-9_-]{1,64})\.json$/.exec(file)?.slice(1) ?? []);
};

/**
 * Reads a profile. If there is no file, the default profile is empty, and any other name is wrong.
 */
export const readProfile = (name: string): Profile => {
  if (name !== presetProfile && !existsSync(profileFile(name))) {
    const names = profileNames().join(', ');
    if (names === '') throw usage('there are no profiles yet: dsvault login creates one');
    throw usage(`there is no such profile: use one of ${names}, or create it with dsvault login`);
  }
  const found = findProfile(name);
  if (found !== undefined) return found;
  throw failure(`${profileFile(name)} is not a profile: replace it with dsvault login`);
};

/**
 * Reads a profile: empty if there is no file, `undefined` if it is damaged. Throws if others may
 * read the file.
 */
export const findProfile = (name: string): Profile | undefined => {
  const file = profileFile(name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return {};
    throw failure(`cannot read ${file} (${systemCodeOf(error)})`, { cause: error });
  }
  if (isOpenToOthers(statSync(file))) {
    throw failure(`${file} is open to others: chmod 600 it, and renew its token`, {
      kind: 'denied',
    });
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), profile), text);
  return parsed.success ? parsed.output : undefined;
};

export const writeProfile = (name: string, content: Profile): string => {
  const file = profileFile(name);
  mkdirSync(configurationFolder(), { recursive: true, mode: 0o700 });
  replaceFile({ file, mode: 0o600 }, `${JSON.stringify(content, undefined, 2)}\n`);
  return file;
};

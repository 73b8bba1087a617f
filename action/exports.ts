/**
 * Exports variables to all later steps of the job through the file `GITHUB_ENV`. Later steps run
 * programs that the author of the `.env` file may not know, so names that change how programs
 * behave are refused.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { variable } from '../system/environment.ts';
import { failure, systemCodeOf } from '../system/failures.ts';

/**
 * The names that are never exported, and why. The runner itself refuses only NODE_OPTIONS. The
 * others are from the list of variables that sudo removes, or similar: they can make other programs
 * load code.
 */
const refusals: readonly (readonly [reason: string, names: RegExp])[] = [
  ['it belongs to the runner', /^(GITHUB|RUNNER|ACTIONS|INPUT|STATE)_/],
  [
    'it decides which programs run',
    /^(PATH|PATHEXT|HOME|USERPROFILE|XDG_CONFIG_HOME|SHELL|COMSPEC|PSMODULEPATH)$/,
  ],
  [
    'it makes programs load libraries',
    /^(LD_.*|DYLD_.*|_RLD.*|GCONV_PATH|GLIBC_TUNABLES|OPENSSL_(CONF|ENGINES|MODULES))$/,
  ],
  [
    'it decides whose certificates programs trust',
    /^(SSL_CERT_(FILE|DIR)|NODE_(EXTRA_CA_CERTS|TLS_REJECT_UNAUTHORIZED)|(CURL|REQUESTS)_CA_BUNDLE|GIT_SSL_.*)$/,
  ],
  [
    'shells obey it',
    /^(BASH_ENV|BASHOPTS|CDPATH|ENV|FPATH|GLOBIGNORE|IFS|NULLCMD|PROMPT_COMMAND|PS4|READNULLCMD|SHELLOPTS|ZDOTDIR)$/,
  ],
  [
    'an interpreter loads code by it',
    /^(NODE_(OPTIONS|PATH)|PYTHON.*|PERL(5DB|5LIB|5OPT|LIB)|RUBY(LIB|OPT)|PHPRC|PHP_INI_SCAN_DIR|LUA_(INIT|PATH|CPATH).*)$/,
  ],
  [
    'a virtual machine loads code by it',
    /^(CLASSPATH|J(AVA_TOOL|DK_JAVA)_OPTIONS|_JAVA_OPTIONS|(JAVA|MAVEN|GRADLE)_OPTS|DOTNET_STARTUP_HOOKS|COR(ECLR)?_(ENABLE_PROFILING|PROFILER.*))$/,
  ],
  [
    'a tool runs a program by it',
    /^(GIT_(ASKPASS|CONFIG.*|DIR|EDITOR|EXEC_PATH|EXTERNAL_DIFF|PAGER|PROXY_COMMAND|SEQUENCE_EDITOR|SSH.*|TEMPLATE_DIR)|SSH_ASKPASS|EDITOR|VISUAL|PAGER|LESS(OPEN|CLOSE)|NPM_CONFIG_.*|DSVAULT_(TOKEN_COMMAND|CHECKOUT)|MAKEFLAGS|GOFLAGS|RUSTC(_.*)?)$/,
  ],
];

/**
 * Why a variable with this name is not exported; `undefined` if it is. Case is ignored, as npm
 * ignores it.
 */
export const reasonAgainst = (name: string): string | undefined =>
  refusals.find(([, names]) => names.test(name.toUpperCase()))?.[0];

/**
 * Writes variables as entries of `GITHUB_ENV`, in the form with a delimiter, which allows any text.
 * If a line of a value were the delimiter, the value would end there, and the rest could set other
 * variables; so the delimiter is chosen to occur in no value.
 */
export const entriesOf = (
  variables: ReadonlyMap<string, string>,
  draw: () => string = randomUUID,
): string => {
  const values = [...variables.values()];
  let delimiter: string;
  do delimiter = `dsvault-${draw()}`;
  while (values.some((value) => value.includes(delimiter)));
  return [...variables]
    .map(([name, value]) => [`${name}<<${delimiter}`, value, delimiter, ''].join('\n'))
    .join('');
};

/**
 * Appends entries to a file of the runner in one write: the variables of later steps, or the
 * outputs of this one. The caller must have checked the names of variables, and masked whatever is
 * secret in the values.
 */
export const addEntries = (
  name: 'GITHUB_ENV' | 'GITHUB_OUTPUT',
  entries: ReadonlyMap<string, string>,
): void => {
  const file = variable(name);
  if (file === undefined) throw failure(`${name} is not set: this is no runner`, { kind: 'usage' });
  try {
    appendFileSync(file, entriesOf(entries));
  } catch (error) {
    throw failure(`cannot write to ${name} (${systemCodeOf(error)})`, { cause: error });
  }
};

/** The tree of the commands of `dsvault`. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import manifest from '../package.json' with { type: 'json' };
import type { ExitCode } from '../system/failures.ts';
import { newCommand, refuseRepeats } from './commands/command-line.ts';

/**
 * The address of the documentation. `build.js` defines it in a package; in a checkout it is
 * undefined.
 */
declare const pagesUrl: string | undefined;

type Loader = () => Promise<CommandUnknownOpts>;

/**
 * The commands by the groups of the help. Each has a loader, so that `programFor` loads only the
 * command that is needed: loading all of them takes time.
 */
const groups: Readonly<Record<string, Readonly<Record<string, Loader>>>> = {
  'Secrets:': {
    create: async () => (await import('./commands/create.ts')).createCommand(),
    update: async () => (await import('./commands/update.ts')).updateCommand(),
    get: async () => (await import('./commands/get.ts')).getCommand(),
    history: async () => (await import('./commands/history.ts')).historyCommand(),
    list: async () => (await import('./commands/list.ts')).listCommand(),
    diff: async () => (await import('./commands/diff.ts')).diffCommand(),
    copy: async () => (await import('./commands/copy.ts')).copyCommand(),
    rollback: async () => (await import('./commands/rollback.ts')).rollbackCommand(),
    delete: async () => (await import('./commands/delete.ts')).deleteCommand(),
    restore: async () => (await import('./commands/restore.ts')).restoreCommand(),
    destroy: async () => (await import('./commands/destroy.ts')).destroyCommand(),
  },
  'Files and programs:': {
    env: async () => (await import('./commands/env.ts')).envCommand(),
    run: async () => (await import('./commands/run.ts')).runCommand(),
    bisect: async () => (await import('./commands/bisect.ts')).bisectCommand(),
    lock: async () => (await import('./commands/lock.ts')).lockCommand(),
    outdated: async () => (await import('./commands/outdated.ts')).outdatedCommand(),
    bump: async () => (await import('./commands/bump.ts')).bumpCommand(),
    import: async () => (await import('./commands/import.ts')).importCommand(),
    export: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  'Access:': {
    login: async () => (await import('./commands/login.ts')).loginCommand(),
    whoami: async () => (await import('./commands/whoami.ts')).whoamiCommand(),
    explain: async () => (await import('./commands/explain.ts')).explainCommand(),
    policy: async () => (await import('./commands/policy.ts')).policyCommand(),
  },
  'State and log:': {
    status: async () => (await import('./commands/status.ts')).statusCommand(),
    scan: async () => (await import('./commands/scan.ts')).scanCommand(),
    log: async () => (await import('./commands/log.ts')).logCommand(),
    witness: async () => (await import('./commands/witness.ts')).witnessCommand(),
  },
  'This machine:': {
    console: async () => (await import('./commands/console.ts')).consoleCommand(),
    doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
    completion: async () => (await import('./commands/completion.ts')).completionCommand(),
    version: async () => (await import('./commands/version.ts')).versionCommand(),
  },
};

const helpCommand = ['help [command]', 'show how a command is used'] as const;

/**
 * The program for a command line that begins with `word`: with that command alone, or with all
 * commands if there is no such command, or if it is `completion`, which lists them.
 */
export const programFor = async (word = ''): Promise<CommandUnknownOpts> => {
  const program = newCommand(
    'dsvault',
    'the command line of the vault',
    'printf %s hunter2 | dsvault create DB_PASSWORD',
    'dsvault get DB_PASSWORD',
    'dsvault env encrypt --in-place .env',
    'dsvault run -f .env -- node server.js',
  )
    .enablePositionalOptions()
    .commandsGroup('This machine:')
    .helpCommand(...helpCommand)
    .version(`dsvault ${manifest.version}`, '-V, --version', 'print the version of dsvault')
    .addHelpText('after', exitCodesHelp());
  const all = Object.entries(groups).flatMap(([group, loaders]) =>
    Object.entries(loaders).map(([name, load]) => ({ group, name, load })),
  );
  const one = all.filter(({ name }) => name === word && name !== 'completion');
  for (const { group, load } of one.length > 0 ? one : all) {
    const command = await load();
    if (command.commands.length > 0) command.helpCommand(...helpCommand);
    program.addCommand(command.helpGroup(group));
  }
  refuseRepeats(program);
  return program;
};

/**
 * The meanings of the exit codes, for the help and the man page. Code 78 (misconfigured) is
 * missing, because only servers exit with it.
 */
export const exitCodeMeanings: Readonly<Record<Exclude<ExitCode, 78>, string>> = {
  0: 'done',
  1: 'any other failure, such as a full disk',
  2: 'the command line or a setting is wrong',
  3: 'the token sees no such secret or version, or the value was destroyed',
  4: 'secret exists, version cannot be destroyed, or idempotency key is taken',
  5: 'no token, a refused token, or a missing scope',
  6: 'the file has errors or no secrets; a value is too large, or adopt left it',
  7: 'vault unreachable, not trusted, too slow or throttling; outcome unknown',
  8: 'the vault cannot use its master key, or has the wrong one',
  9: 'not the current version (--if-version); a check found what it looks for',
  125: 'dsvault run itself failed: the code in its message says why',
  126: 'dsvault run found the program but could not start it',
  127: 'dsvault run did not find the program',
  130: 'Ctrl-C at a prompt',
};

const exitCodesHelp = (): string => {
  const lines = Object.entries(exitCodeMeanings).map(
    ([code, meaning]) => `  ${code.padEnd(4)} ${meaning}\n`,
  );
  const pages = typeof pagesUrl === 'undefined' ? 'docs/cli.md of the checkout' : pagesUrl;
  return `\nExit codes:\n${lines.join('')}\nPages: ${pages}; after npm i -g also man dsvault`;
};

/** `dsvault`: the command line of the vault. All its actions use the HTTP API. */
import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { misuse, newCommand } from './command.ts';
import { exitCodes } from './failures.ts';
import { reportFailure } from './reports.ts';

const program = newCommand(
  'dsvault',
  'the command line of the vault',
  `
  printf %s hunter2 | dsvault create DB_PASSWORD
  dsvault get DB_PASSWORD
  dsvault env encrypt --in-place .env
  dsvault run -f .env -- node server.js
  `,
)
  .enablePositionalOptions()
  .helpCommand('help [command]', 'show how a command is used');

/**
 * The commands, in the order of the help. Each is loaded when it is needed, because startup would otherwise load
 * everything that any command needs.
 */
const commands = new Map<string, () => Promise<CommandUnknownOpts>>([
  ['create', async () => (await import('./commands/create.ts')).createCommand()],
  ['update', async () => (await import('./commands/update.ts')).updateCommand()],
  ['get', async () => (await import('./commands/get.ts')).getCommand()],
  ['history', async () => (await import('./commands/history.ts')).historyCommand()],
  ['list', async () => (await import('./commands/list.ts')).listCommand()],
  ['diff', async () => (await import('./commands/diff.ts')).diffCommand()],
  ['rollback', async () => (await import('./commands/rollback.ts')).rollbackCommand()],
  ['delete', async () => (await import('./commands/delete.ts')).deleteCommand()],
  ['restore', async () => (await import('./commands/restore.ts')).restoreCommand()],
  ['destroy', async () => (await import('./commands/destroy.ts')).destroyCommand()],
  ['env', async () => (await import('./commands/env.ts')).envCommand()],
  ['run', async () => (await import('./commands/run.ts')).runCommand()],
  ['bisect', async () => (await import('./commands/bisect.ts')).bisectCommand()],
  ['import', async () => (await import('./commands/import.ts')).importCommand()],
  ['export', async () => (await import('./commands/export.ts')).exportCommand()],
  ['console', async () => (await import('./commands/console.ts')).consoleCommand()],
  ['policy', async () => (await import('./commands/policy.ts')).policyCommand()],
  ['status', async () => (await import('./commands/status.ts')).statusCommand()],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand()],
  ['whoami', async () => (await import('./commands/whoami.ts')).whoamiCommand()],
  ['explain', async () => (await import('./commands/explain.ts')).explainCommand()],
  ['login', async () => (await import('./commands/login.ts')).loginCommand()],
  ['completion', async () => (await import('./commands/completion.ts')).completionCommand()],
  ['version', async () => (await import('./commands/version.ts')).versionCommand()],
]);

/** Adds the command that the command line begins with. Help and completion know all commands. */
const addCommands = async (): Promise<void> => {
  const [, , word = ''] = process.argv;
  const load = word === 'completion' ? undefined : commands.get(word);
  for (const one of load === undefined ? commands.values() : [load])
    program.addCommand(await one());
};

/** Reports an error and returns the exit code. Commander throws shown help as an error, which is a failure if unasked. */
const endWith = (error: unknown): number => {
  if (!(error instanceof CommanderError)) return reportFailure(error);
  if (error.exitCode === 0) return exitCodes.ok;
  return error.code === 'commander.help' ? exitCodes.usage : reportFailure(misuse(error));
};

// Node would print the message of an uncaught error, which may quote a value.
process.on('uncaughtException', (error) => process.exit(reportFailure(error)));

const main = async (): Promise<void> => {
  try {
    await addCommands();
    await program.parseAsync();
  } catch (error) {
    process.exitCode = endWith(error);
  }
};
void main();

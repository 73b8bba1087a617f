/** `dsvault`: the command line of the vault. All its actions use the HTTP API. */
import { CommanderError } from '@commander-js/extra-typings';
import { misuse, newCommand } from './command.ts';
import { completionCommand } from './commands/completion.ts';
import { consoleCommand } from './commands/console.ts';
import { createCommand } from './commands/create.ts';
import { deleteCommand } from './commands/delete.ts';
import { destroyCommand } from './commands/destroy.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { envCommand } from './commands/env.ts';
import { explainCommand } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { getCommand } from './commands/get.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { listCommand } from './commands/list.ts';
import { loginCommand } from './commands/login.ts';
import { policyCommand } from './commands/policy.ts';
import { restoreCommand } from './commands/restore.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { updateCommand } from './commands/update.ts';
import { versionCommand } from './commands/version.ts';
import { whoamiCommand } from './commands/whoami.ts';
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
  .helpCommand('help [command]', 'show how a command is used')
  .addCommand(createCommand())
  .addCommand(updateCommand())
  .addCommand(getCommand())
  .addCommand(historyCommand())
  .addCommand(listCommand())
  .addCommand(diffCommand())
  .addCommand(rollbackCommand())
  .addCommand(deleteCommand())
  .addCommand(restoreCommand())
  .addCommand(destroyCommand())
  .addCommand(envCommand())
  .addCommand(runCommand())
  .addCommand(importCommand())
  .addCommand(exportCommand())
  .addCommand(consoleCommand())
  .addCommand(policyCommand())
  .addCommand(statusCommand())
  .addCommand(doctorCommand())
  .addCommand(whoamiCommand())
  .addCommand(explainCommand())
  .addCommand(loginCommand())
  .addCommand(completionCommand())
  .addCommand(versionCommand());

/** Reports an error and returns the exit code. Commander throws shown help as an error, which is a failure if unasked. */
const endWith = (error: unknown): number => {
  if (!(error instanceof CommanderError)) return reportFailure(error);
  if (error.exitCode === 0) return exitCodes.ok;
  return error.code === 'commander.help' ? exitCodes.usage : reportFailure(misuse(error));
};

// Node would print the message of an uncaught error, which may quote a value.
process.on('uncaughtException', (error) => process.exit(reportFailure(error)));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = endWith(error);
}

import { newCommand } from '../command.ts';
import { completionOf, isShell } from '../completion.ts';
import { usage } from '../failures.ts';
import { print } from '../output.ts';

export const completionCommand = () =>
  newCommand(
    'completion',
    'print a script that completes dsv in a shell',
    `
    eval "$(dsv completion bash)"
    eval "$(dsv completion zsh)"
    dsv completion fish | source
    `,
  )
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell, _flags, command) => {
      if (!isShell(shell)) throw usage('the shell is bash, zsh or fish');
      await print(completionOf(shell, command.parent ?? command));
    });

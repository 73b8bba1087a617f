import { usage } from '../../system/failures.ts';
import { printJson, printText } from '../output/output.ts';
import { offlineCommand } from './command-line.ts';
import { completionOf, isShell } from './completion-scripts.ts';

export const completionCommand = () =>
  offlineCommand(
    'completion',
    'print a script that completes dsvault in a shell',
    `
    eval "$(dsvault completion bash)"
    eval "$(dsvault completion zsh)"
    dsvault completion fish | source
    `,
  )
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell, { json }, command) => {
      if (!isShell(shell)) throw usage('the shell is bash, zsh or fish');
      const script = completionOf(shell, command.parent ?? command);
      await (json ? printJson({ shell, script }) : printText(script));
    });

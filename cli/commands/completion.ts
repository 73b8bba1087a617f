/**
 * `dsvault completion`: scripts for shells, whose words come from the definitions of the commands.
 */
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { dialectNames, textDialectNames } from '../../functions/env/dialects/dialect.ts';
import { usage } from '../../system/failures.ts';
import { printJson, printLines, printText } from '../output/output.ts';
import { profileNames } from '../requests/profile.ts';
import { offlineCommand } from './command-line.ts';
import { namesAtOnce } from './completion-names.ts';
import { type Place, scripts, type ValueKind } from './completion-scripts.ts';

export const completionCommand = () =>
  offlineCommand(
    'completion',
    'print a script that completes dsvault in a shell',
    'eval "$(dsvault completion bash)"',
    'eval "$(dsvault completion zsh)"',
    'dsvault completion fish | source',
  )
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell, { json }, command) => {
      // The scripts ask for profiles and for names of secrets at each Tab.
      if (shell === 'profiles') return await printLines(profileNames());
      const [, beginning] = /^secrets:(.*)$/.exec(shell) ?? [];
      if (beginning !== undefined) return await printLines(await namesAtOnce(beginning));
      if (!isShell(shell)) throw usage('the shell is bash, zsh or fish');
      const script = scripts[shell](placesOf(command.parent ?? command));
      await (json ? printJson({ shell, script }) : printText(script));
    });

const isShell = (text: string): text is keyof typeof scripts => Object.hasOwn(scripts, text);

/** Each path of commands, such as `env encrypt`, with what may follow; `''` is `dsvault` itself. */
const placesOf = (
  command: CommandUnknownOpts,
  path: readonly string[] = [],
): ReadonlyMap<string, Place> => {
  const below = command.commands.map((child) => {
    return { text: child.name(), about: child.summary() || child.description() };
  });
  const options = command.options.map((option) => {
    const { short, long = '', description } = option;
    return { short, text: long, about: description, value: valueKindOf(option, path.join(' ')) };
  });
  const [argument] = command.registeredArguments;
  const isFile = ['file', 'command'].includes(argument?.name() ?? '');
  const isSecret = secretArguments.includes(argument?.name() ?? '') && path.join(' ') !== 'create';
  const argumentIs = isFile ? 'file' : isSecret ? 'secret' : undefined;
  const deeper = command.commands.flatMap((child) => [...placesOf(child, [...path, child.name()])]);
  return new Map([[path.join(' '), { below, options, argumentIs } as const], ...deeper]);
};

/** The arguments that are the name of a secret, which has to exist except for `create`. */
const secretArguments = ['name', 'names', 'from', 'secret', 'old'];

/** What an option takes: a profile, a dialect, or else perhaps a file. */
const valueKindOf = ({ long, required }: Option, path: string): ValueKind => {
  if (!required) return undefined;
  if (long === '--profile') return 'profile';
  if (long !== '--dialect') return 'file';
  return (path === 'env adopt' ? textDialectNames : dialectNames).split(', ');
};

/** `dsvault completion`: scripts for shells, whose words come from the definitions of the commands. */
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { usage } from '../../system/failures.ts';
import { printJson, printText } from '../output/output.ts';
import { offlineCommand } from './command-line.ts';

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
      if (!isShell(shell)) throw usage('the shell is bash, zsh or fish');
      const script = completionOf(shell, command.parent ?? command);
      await (json ? printJson({ shell, script }) : printText(script));
    });

type Shell = 'bash' | 'zsh' | 'fish';
const isShell = (text: string): text is Shell => ['bash', 'zsh', 'fish'].includes(text);

/** The words that may follow each path of commands, such as `env encrypt`; `''` is `dsvault` itself. */
type Words = ReadonlyMap<string, readonly Word[]>;
type Word = { readonly text: string; readonly about: string };

const wordsOf = (command: CommandUnknownOpts, path: readonly string[] = []): Words => {
  const below = command.commands.map(
    (child): Word => ({ text: child.name(), about: child.description() }),
  );
  const options = command.options.map(
    ({ long, description }): Word => ({ text: long ?? '', about: description }),
  );
  const own: [string, Word[]][] = [[path.join(' '), [...below, ...options]]];
  const deeper = command.commands.flatMap((child) => [...wordsOf(child, [...path, child.name()])]);
  return new Map([...own, ...deeper]);
};

const completionOf = (shell: Shell, program: CommandUnknownOpts): string =>
  writers[shell](wordsOf(program));

const cases = (words: Words, line: (words: readonly Word[]) => string): string =>
  [...words].map(([path, some]) => `    '${path}') ${line(some)} ;;`).join('\n');

/** A word that is no command does not change the path, so completion continues after arguments. */
const bash = (words: Words): string => `# eval "$(dsvault completion bash)"
_dsvault() {
  local path='' word known
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    known=" ${[...words.keys()].map((path) => path.replaceAll(' ', '/')).join(' ')} "
    case "$known" in
      *" \${path:+\${path// //}/}$word "*) path="\${path:+$path }$word" ;;
    esac
  done
  local words=''
  case "$path" in
${cases(words, (some) => `words='${some.map(({ text }) => text).join(' ')}'`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _dsvault dsvault
`;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const zsh = (words: Words): string => `#compdef dsvault
# eval "$(dsvault completion zsh)"
_dsvault() {
  local path='' word
  local -a known found
  known=(${[...words.keys()].map(quoted).join(' ')})
  for word in \${words[2,CURRENT-1]}; do
    if (( \${known[(Ie)\${path:+$path }$word]} )); then path="\${path:+$path }$word"; fi
  done
  case "$path" in
${cases(words, (some) => `found=(${some.map(({ text, about }) => quoted(`${text}:${about.replaceAll(':', '\\:')}`)).join(' ')})`)}
  esac
  _describe 'dsvault' found || _files
}
compdef _dsvault dsvault
`;

const fish = (words: Words): string => {
  const lines = [...words].flatMap(([path, some]) => {
    const condition = quoted(`__dsvault_at ${quoted(path)}`);
    return some.map(({ text, about }) => {
      const what = text.startsWith('--') ? `-l ${text.slice(2)}` : `-a ${text}`;
      return `complete -c dsvault -n ${condition} ${what} -d ${quoted(about)}`;
    });
  });
  return `# dsvault completion fish | source
function __dsvault_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$path $word")
    contains -- $next ${[...words.keys()]
      .filter((path) => path !== '')
      .map(quoted)
      .join(' ')}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
};

const writers = { bash, zsh, fish };

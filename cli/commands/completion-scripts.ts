/**
 * Creates the shell scripts that `dsvault completion` prints. The scripts ask `dsvault` for names
 * while a person types.
 */

type Word = { readonly text: string; readonly about: string };

/**
 * What the value of an option is: a profile, perhaps a file, or one word of a list; `undefined` if
 * the option takes no value.
 */
export type ValueKind = 'profile' | 'file' | readonly string[] | undefined;

/**
 * What may follow a path of commands, such as `env encrypt`: subcommands, options and an argument.
 */
export type Place = {
  readonly below: readonly Word[];
  readonly options: readonly (Word & {
    readonly short: string | undefined;
    readonly value: ValueKind;
  })[];
  /** What the argument is. It is offered instead of the options unless the word begins with `-`. */
  readonly argumentIs: 'file' | 'secret' | undefined;
};
type Places = ReadonlyMap<string, Place>;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const cases = (places: Places, line: (words: readonly Word[]) => string): string =>
  [...places]
    .map(([path, { below, options }]) => `    '${path}') ${line([...below, ...options])} ;;`)
    .join('\n');

/**
 * A shell pattern that matches `PATH OPTION` for each option with this kind of value. The pattern
 * matches any path, because an option takes the same kind of value in all commands.
 */
const flagsWith = (places: Places, kind: 'profile' | 'file'): string => {
  const options = [...places.values()].flatMap((place) => place.options);
  const flags = options
    .filter(({ value }) => value === kind)
    .flatMap(({ short, text }) => [short, text].flatMap((flag) => flag ?? []));
  return [...new Set(flags)].map((flag) => `*' ${flag}'`).join('|');
};

/** A case for each option whose value is one word of a list. */
const wordCases = (places: Places, line: (words: string) => string): string =>
  [...places]
    .flatMap(([path, { options }]) =>
      options.flatMap(({ text, value }) =>
        Array.isArray(value) ? `    '${path} ${text}') ${line(value.join(' '))} ;;` : [],
      ),
    )
    .join('\n');

const withArgument = (places: Places, wanted: Place['argumentIs']): string =>
  [...places]
    .flatMap(([path, { argumentIs }]) => (argumentIs === wanted ? `'${path}'` : []))
    .join('|');

/**
 * Returns the script for bash. A word that is no command does not change the path, so completion
 * continues after arguments. Where the function replies with nothing, bash completes the names of
 * files.
 */
const bash = (places: Places): string => `# eval "$(dsvault completion bash)"
_dsvault() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word known previous='' words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    known=" ${[...places.keys()].map((path) => path.replaceAll(' ', '/')).join(' ')} "
    case "$known" in
      *" \${path:+\${path// //}/}$word "*) path="\${path:+$path }$word" ;;
    esac
    [ "$previous" = --profile ] && local -x DSVAULT_PROFILE="$word"
    previous="$word"
  done
  case "$path" in
${cases(places, (some) => `words='${some.map(({ text }) => text).join(' ')}'`)}
  esac
  case "$path $previous" in
    ${flagsWith(places, 'profile')}) words="$(dsvault completion profiles 2> /dev/null)" ;;
${wordCases(places, (words) => `words='${words}'`)}
    ${flagsWith(places, 'file')}) return ;;
    *)
      case "$path $current" in *' -'*) ;; *)
        case "$path" in
          ${withArgument(places, 'file')}) return ;;
          ${withArgument(places, 'secret')})
            compopt +o default +o bashdefault 2> /dev/null
            words="$(dsvault completion "secrets:$current" 2> /dev/null)" ;;
        esac
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _dsvault dsvault
`;

const zsh = (places: Places): string => `#compdef dsvault
# eval "$(dsvault completion zsh)"
_dsvault() {
  local at='' word previous=''
  local -a known found
  known=(${[...places.keys()].map(quoted).join(' ')})
  for word in \${words[2,CURRENT-1]}; do
    if (( \${known[(Ie)\${at:+$at }$word]} )); then at="\${at:+$at }$word"; fi
    if [[ $previous == --profile ]]; then local -x DSVAULT_PROFILE="$word"; fi
    previous="$word"
  done
  case "$at $previous" in
    ${flagsWith(places, 'profile')}) compadd -- $(dsvault completion profiles 2> /dev/null); return ;;
${wordCases(places, (words) => `compadd -- ${words}; return`)}
    ${flagsWith(places, 'file')}) _files; return ;;
  esac
  if [[ "$PREFIX" != -* ]]; then
    case "$at" in
      ${withArgument(places, 'file')}) _files; return ;;
      ${withArgument(places, 'secret')}) compadd -- $(dsvault completion "secrets:$PREFIX" 2> /dev/null); return ;;
    esac
  fi
  case "$at" in
${cases(places, (some) => `found=(${some.map(({ text, about }) => quoted(`${text}:${about.replaceAll(':', '\\:')}`)).join(' ')})`)}
  esac
  _describe 'dsvault' found || _files
}
compdef _dsvault dsvault
`;

const fish = (places: Places): string => {
  const lines = [...places].flatMap(([path, { below, options, argumentIs }]) => {
    const condition = quoted(`__dsvault_at ${quoted(path)}`);
    const line = (what: string) => `complete -c dsvault -n ${condition} ${what}`;
    return [
      ...below.map(({ text, about }) => line(`-a ${text} -d ${quoted(about)}`)),
      ...options.map(({ short, text, about, value }) =>
        line(
          `${short ? `-s ${short.slice(1)} ` : ''}-l ${text.slice(2)}${fishValue(value)} -d ${quoted(about)}`,
        ),
      ),
      ...(argumentIs === 'secret' ? [line("-f -a '(__dsvault_secrets)'")] : []),
    ];
  });
  return `# dsvault completion fish | source
function __dsvault_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$path $word")
    contains -- $next ${[...places.keys()]
      .filter((path) => path !== '')
      .map(quoted)
      .join(' ')}; and set path $next
  end
  test "$path" = "$argv[1]"
end
function __dsvault_secrets
  set -l words (commandline -opc)
  set -l at (contains -i -- --profile $words); and set -lx DSVAULT_PROFILE $words[(math $at + 1)]
  dsvault completion secrets:(commandline -ct) 2> /dev/null
end
${lines.join('\n')}
`;
};

/**
 * The flags of fish's `complete` for the value of an option. Arguments that are files need no
 * flags, because fish offers options only after `-`.
 */
const fishValue = (value: ValueKind): string => {
  if (value === undefined) return '';
  if (value === 'file') return ' -r -F';
  const words =
    value === 'profile' ? '(dsvault completion profiles 2> /dev/null)' : value.join(' ');
  return ` -x -a '${words}'`;
};

export const scripts = { bash, zsh, fish };

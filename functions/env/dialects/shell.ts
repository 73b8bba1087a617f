/**
 * `set -a; . file` in bash, dash and zsh, in any locale. Every value without NUL can be written so
 * that all three read it the same. A line is refused if that is impossible: if it ends in a CR,
 * follows a byte order mark, has a name that a shell reserves, or comes after a line that bash may
 * read beyond its end.
 */
import type { Assignment, Line } from '../grammar.ts';
import { checksOf, isPlain, type Writer, withSpelling } from './writer.ts';

/**
 * In GBK, GB18030, Big5, Shift_JIS and similar encodings, the last byte of a character outside
 * ASCII may form one character with a backslash after it. So no escape may follow such a character:
 * bash would miss the escape, end the quotes early, and run the rest. Quotes and `$` are never part
 * of such a character.
 */
const hidesEscapes = /\P{ASCII}[\\"$`]/u;

/**
 * An equals sign at the beginning of a value or after a colon. zsh replaces a word after it by the
 * path of the command with that name.
 */
const commandPath = /(?:^|:)=/;

const spell = (value: string): string => {
  if (isPlain(value) && !commandPath.test(value)) return value;
  if (!value.includes("'")) return `'${value}'`;
  // In single quotes, each apostrophe becomes `'\''`, which ends the quotes and opens them again.
  // The vault's grammar does not join quoted parts, so this is for final replies only.
  if (hidesEscapes.test(value)) return `'${value.replaceAll("'", `'\\''`)}'`;
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
};

/**
 * The names of bash whose value it changes: it sets the variable itself, makes it read-only, does
 * not export it, or computes with the value, which may run a command. Measured on bash 5.2; two of
 * the names are from bash 5.3.
 */
const ofBash = `_ BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND
  BASH_LINENO BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO
  COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO OPTIND
  PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL SRANDOM UID`;

/**
 * The same for zsh: the names whose value it changes. Measured on zsh 5.9 with the modules that it
 * loads by default. dash 0.5.12 adds no names.
 */
const ofZsh = `ARGC COLUMNS EGID ERRNO FUNCNEST GID HISTCHARS HISTSIZE KEYBOARD_HACK KEYTIMEOUT LINES LISTMAX
  MAILCHECK SAVEHIST TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT TTYIDLE USERNAME ZLE_RPROMPT_INDENT
  ZSH_EVAL_CONTEXT ZSH_SUBSHELL aliases argv builtins cdpath commands dirstack dis_aliases
  dis_builtins dis_functions dis_functions_source dis_galiases dis_patchars dis_reswords
  dis_saliases fignore fpath funcfiletrace funcsourcetrace funcstack functions functions_source
  functrace galiases histchars history historywords jobdirs jobstates jobtexts keymaps mailpath
  manpath module_path modules nameddirs options parameters patchars path pipestatus psvar reswords
  saliases signals status termcap terminfo userdirs usergroups watch widgets zsh_eval_context
  zsh_scheduled_events`;

const own: ReadonlySet<string> = new Set(`${ofBash} ${ofZsh}`.split(/\s+/));

/** Whether bash, dash or zsh changes some values of a variable with this name. */
export const isShellOwn = (key: string): boolean => own.has(key);

/**
 * Whether bash, dash and zsh all certainly read the line as the vault's grammar does. `marked`: it
 * follows a byte order mark. If they may read it differently, but bash certainly ends the line
 * where the grammar does, the line only gets a warning; zsh and dash may stop reading there.
 */
const readsTheSame = (line: Line, marked: boolean): boolean => {
  if (marked) return false;
  if (line.kind !== 'assignment') return line.kind === 'comment' || line.eol !== '\r\n';
  if (line.eol === '\r\n' || line.beforeEquals !== '' || line.afterEquals !== '') return false;
  if (isShellOwn(line.key)) return false;
  return readsValueTheSame(line);
};

/** Whether the value contains nothing that a shell expands, splits, or takes for an operator. */
const readsValueTheSame = ({ value, exported }: Assignment): boolean => {
  const { quote, raw } = value;
  if (quote === "'") return true;
  if (quote === '"') {
    return !/\P{ASCII}\\/u.test(raw) && !/[$`]|\\[nrt]/.test(raw.replace(/\\[\\"$`]/g, ''));
  }
  // In an argument of `export`, `{a,b}` becomes two words.
  if (exported !== '' && /[{}]/.test(raw)) return false;
  if (commandPath.test(raw)) return false;
  return !/[^\w./:@%+,=#^!?*[\]{}\-\P{ASCII}]|[\p{White_Space}\p{Cc}\p{Cf}]/u.test(raw);
};

/** Names whose value bash evaluates as arithmetic. If that fails, bash stops reading the file. */
const arithmetic: ReadonlySet<string> = new Set(['HISTCMD', 'OPTIND', 'SRANDOM']);

/**
 * Words that open a compound command, and commands after which the shell stops reading the file.
 */
const reserved =
  'if|then|else|elif|fi|case|esac|for|select|while|until|do|done|in|function|time|coproc';
const leaving = 'exit|return|exec|logout';
const wordEnd = String.raw`(?:[\s;&|<>)\x60]|$)`;
const unsafeWord = `(?:${reserved}|${leaving})`;
const unsafeKey = new RegExp(`^${unsafeWord}$`);

/**
 * A name and `[`, such as `a[`. Bash looks for the closing bracket on later lines too. It asks the
 * locale, byte by byte, which bytes are letters of a name: in Shift_JIS and in single-byte
 * encodings, every byte of `é` is one.
 */
const subscript = String.raw`[A-Za-z_\x80-\uffff][\w\x80-\uffff]*\[`;
/** The first character of a word that may follow an operator. */
const word = String.raw`(?=[\w./:%+,=-])(?!${unsafeWord}${wordEnd}|${subscript})`;
/** A command of plain words. */
const command = String.raw`(?! *${unsafeWord}${wordEnd})[\w./ -]*`;
/**
 * The character after this must not follow a character outside ASCII: in some locales, a backslash,
 * backtick or brace there is part of that character.
 */
const itself = String.raw`(?<![\x80-\uffff])`;
/**
 * A dollar sign that begins no expansion. Bash drops the characters 1 and 127 after a dollar sign,
 * and then sees what follows them.
 */
const loneDollar = String.raw`\$(?![$({['"\x01\x7f])`;
const parameter = String.raw`\{[A-Za-z_]\w*(?::?[-+=][^'"\x60$\\{}()\n]*)?${itself}\}`;
const expansions = [
  String.raw`\$[\w!@*#-]`,
  String.raw`\$\$(?![$({['"])`,
  String.raw`\$${parameter}`,
  String.raw`\$\(${command}\)`,
  loneDollar,
  String.raw`${itself}\x60${command}\x60`,
];

/** Tokens outside and inside double quotes whose end bash certainly finds, in any locale. */
const outside = new RegExp(
  [
    String.raw`[^'"\x60$\\;&|<>()\s]+`,
    String.raw`[ \t]+(?!(?:${leaving})${wordEnd}|${subscript})`,
    String.raw`[^\S \t\n]+`,
    String.raw`${itself}\\[^\n]`,
    `'[^']*'`,
    '"',
    ...expansions,
    String.raw`[;&][ \t]*(?:$|${word})`,
    String.raw`\|[ \t]*${word}`,
    // Bash takes digits before a second redirection for its descriptor. The first redirection then
    // has no word, which is a syntax error.
    String.raw`[<>][ \t]*(?=[\w./])(?!\d+[<>])`,
  ].join('|'),
  'y',
);
const inside = new RegExp(
  [
    String.raw`[^"\x60$\\]+`,
    String.raw`${itself}\\[^]`,
    '"',
    ...expansions,
    String.raw`\$(?=["'])`,
  ].join('|'),
  'y',
);

/**
 * Whether, at the end of an unchanged line, bash may still be inside a construct or may have
 * stopped reading. The commands that such a line runs are its author's responsibility.
 */
const mayReachBeyond = (line: Line, marked: boolean): boolean => {
  if (line.kind !== 'assignment') return marked && !endsInside(line.text);
  if (arithmetic.has(line.key)) return true;
  if (line.beforeEquals !== '' && unsafeKey.test(line.key)) return true;
  const { quote, raw } = line.value;
  return !endsInside(`${line.beforeEquals}=${line.afterEquals}${quote}${raw}${quote}`);
};

const endsInside = (text: string): boolean => {
  let quoted = false;
  for (let at = 0; at < text.length; ) {
    const token = quoted ? inside : outside;
    token.lastIndex = at;
    const [match] = token.exec(text) ?? [];
    if (match === undefined) return false;
    if (match === '"') quoted = !quoted;
    at += match.length;
  }
  return !quoted;
};

/** What a shell replaces or runs, in a value without its escapes. */
const expansion = /`|\$[\w{([@*#?!$-]/;

export const shell: Writer = {
  expands: ({ value: { quote, raw } }) =>
    quote !== "'" && expansion.test(raw.replace(quote === '"' ? /\\[\\"$`]/g : /\\./g, '')),
  write: (line, value) =>
    value.includes('\0') ? { reason: 'nul' } : withSpelling(line, spell(value)),
  ...checksOf({
    reads: (line, marked) => {
      if (readsTheSame(line, marked)) return 'same';
      return mayReachBeyond(line, marked) ? 'lines below' : 'different';
    },
    unfit: (line, marked) => {
      if (marked) return 'byte_order_mark';
      if (line.eol === '\r\n') return 'carriage_return';
      return isShellOwn(line.key) ? 'key' : undefined;
    },
  }),
};

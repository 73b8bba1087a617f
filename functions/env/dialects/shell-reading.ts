/**
 * How bash reads lines that nobody wrote for it: as the grammar does (`readsAlike`), otherwise but to
 * the line's end (a warning), or beyond it (`mayReachBeyond`: what follows is not safe). Both judge
 * carefully, not exactly: they say yes, and no, only where that is plain.
 */
import type { Assignment, Line } from '../grammar.ts';

/** Names that bash sets, reads as numbers, or does not export; measured on 5.2, two are of 5.3. */
const bashOwn: ReadonlySet<string> = new Set(
  `_ BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_COMMAND BASH_LINENO
  BASH_MONOSECONDS BASH_SOURCE BASH_SUBSHELL BASH_TRAPSIG BASH_VERSINFO COMP_WORDBREAKS DIRSTACK
  EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME GROUPS HISTCMD LINENO OPTIND PIPESTATUS PPID RANDOM SECONDS
  SHELLOPTS SHLVL SRANDOM UID`.split(/\s+/),
);

export const isBashOwn = (key: string): boolean => bashOwn.has(key);

/** Whether bash surely gives the line the grammar's meaning. `marked`: after a byte order mark. */
export const readsAlike = (line: Line, marked: boolean): boolean => {
  if (marked) return false;
  if (line.kind !== 'assignment') return line.kind === 'comment' || line.eol !== '\r\n';
  if (line.eol === '\r\n' || line.beforeEquals !== '' || line.afterEquals !== '') return false;
  if (isBashOwn(line.key)) return false;
  return valueReadsAlike(line);
};

/** Nothing that bash expands, splits, or takes for an operator. */
const valueReadsAlike = ({ value, exported }: Assignment): boolean => {
  const { quote, raw } = value;
  if (quote === "'") return true;
  if (quote === '"') {
    return !/\P{ASCII}\\/u.test(raw) && !/[$`]|\\[nrt]/.test(raw.replace(/\\[\\"$`]/g, ''));
  }
  // As an argument of export, `{a,b}` is two words.
  if (exported !== '' && /[{}]/.test(raw)) return false;
  return !/[^\w./:@%+,=#^!?*[\]{}\-\P{ASCII}]|[\p{White_Space}\p{Cc}\p{Cf}]/u.test(raw);
};

/** Names whose assignment bash evaluates as arithmetic: a fault there ends the file's reading. */
const arithmetic: ReadonlySet<string> = new Set(['HISTCMD', 'OPTIND', 'SRANDOM']);

/** Words that open a compound command, and commands that end the file's reading. */
const reserved =
  'if|then|else|elif|fi|case|esac|for|select|while|until|do|done|in|function|time|coproc';
const leaving = 'exit|return|exec|logout';
const wordEnd = String.raw`(?:[\s;&|<>)\x60]|$)`;
const unsafeWord = `(?:${reserved}|${leaving})`;
const unsafeKey = new RegExp(`^${unsafeWord}$`);

/** Bash looks for the end of a subscript on later lines. */
const subscript = String.raw`[A-Za-z_]\w*\[`;
/** The first character of a word that may follow an operator. */
const word = String.raw`(?=[\w./:%+,=-])(?!${unsafeWord}${wordEnd}|${subscript})`;
/** A command of plain words. */
const command = String.raw`(?! *${unsafeWord}${wordEnd})[\w./ -]*`;
/** Behind a character beyond ASCII a backslash, backtick or brace is a part of it in some locales. */
const itself = String.raw`(?<![\x80-\uffff])`;
const parameter = String.raw`\{[A-Za-z_]\w*(?::?[-+=][^'"\x60$\\{}()\n]*)?${itself}\}`;
const expansions = [
  String.raw`\$[\w!@*#-]`,
  String.raw`\$\$(?![$({['"])`,
  String.raw`\$${parameter}`,
  String.raw`\$\(${command}\)`,
  String.raw`\$(?![$({['"])`,
  String.raw`${itself}\x60${command}\x60`,
];

/** Tokens, outside and inside double quotes, which bash surely ends where they end, in any locale. */
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
    // Digits before another redirection are its descriptor, and no word that this one could have.
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
 * Whether bash may be inside of something, or have given up, where a line ends that comes back as it
 * is. What a command that such a line runs does is its author's affair.
 */
export const mayReachBeyond = (line: Line, marked: boolean): boolean => {
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

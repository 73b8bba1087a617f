/**
 * How shells read unchanged lines. `readsTheSame`: bash, dash and zsh all read the line as the grammar does.
 * `mayReachBeyond`: bash may read the line beyond its end, so that the lines below are not safe. A line to which
 * neither applies gets a warning; zsh and dash may stop reading there. Both functions are conservative: `readsTheSame`
 * is true, and `mayReachBeyond` is false, only if that is certain.
 */
import type { Assignment, Line } from '../grammar.ts';
import { isShellOwn } from './shell-names.ts';

/** Whether every shell certainly reads the line as the grammar does. `marked`: it follows a byte order mark. */
export const readsTheSame = (line: Line, marked: boolean): boolean => {
  if (marked) return false;
  if (line.kind !== 'assignment') return line.kind === 'comment' || line.eol !== '\r\n';
  if (line.eol === '\r\n' || line.beforeEquals !== '' || line.afterEquals !== '') return false;
  if (isShellOwn(line.key)) return false;
  return readsValueTheSame(line);
};

/** zsh takes a word after such an equals sign for the name of a command, and replaces it by the command's path. */
export const commandPath = /(?:^|:)=/;

/** Whether the value holds nothing that a shell expands, splits, or takes for an operator. */
const readsValueTheSame = ({ value, exported }: Assignment): boolean => {
  const { quote, raw } = value;
  if (quote === "'") return true;
  if (quote === '"') {
    return !/\P{ASCII}\\/u.test(raw) && !/[$`]|\\[nrt]/.test(raw.replace(/\\[\\"$`]/g, ''));
  }
  // `{a,b}` becomes two words in an argument of `export`.
  if (exported !== '' && /[{}]/.test(raw)) return false;
  if (commandPath.test(raw)) return false;
  return !/[^\w./:@%+,=#^!?*[\]{}\-\P{ASCII}]|[\p{White_Space}\p{Cc}\p{Cf}]/u.test(raw);
};

/** Names whose value bash evaluates as arithmetic. A fault there ends the reading of the file. */
const arithmetic: ReadonlySet<string> = new Set(['HISTCMD', 'OPTIND', 'SRANDOM']);

/** Words that open a compound command, and commands that end the reading of the file. */
const reserved =
  'if|then|else|elif|fi|case|esac|for|select|while|until|do|done|in|function|time|coproc';
const leaving = 'exit|return|exec|logout';
const wordEnd = String.raw`(?:[\s;&|<>)\x60]|$)`;
const unsafeWord = `(?:${reserved}|${leaving})`;
const unsafeKey = new RegExp(`^${unsafeWord}$`);

/**
 * Bash looks for the end of a subscript on later lines as well. It asks the locale byte by byte which bytes are letters
 * of a name: in Shift_JIS and in encodings of one byte, every byte of `é` is one.
 */
const subscript = String.raw`[A-Za-z_\x80-\uffff][\w\x80-\uffff]*\[`;
/** The first character of a word that may follow an operator. */
const word = String.raw`(?=[\w./:%+,=-])(?!${unsafeWord}${wordEnd}|${subscript})`;
/** A command of plain words. */
const command = String.raw`(?! *${unsafeWord}${wordEnd})[\w./ -]*`;
/** After a character outside ASCII, a backslash, backtick or brace is part of that character in some locales. */
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
    // Digits before a second redirection are its descriptor, so the first redirection has no word.
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
 * Whether bash may be inside a construct, or may have stopped reading, at the end of an unchanged line. The author is
 * responsible for the commands that such a line runs.
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

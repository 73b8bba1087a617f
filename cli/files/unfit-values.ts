/** Says why a value cannot become a reference. */
import type { UnfitValue } from '../../functions/env/adoption.ts';
import { fileSentence } from '../../system/file-sentences.ts';

/** Returns why a value stays in plain text, and what to do. `text` is the value's first line. */
export const unfitReason = (value: UnfitValue, text: string): string => {
  if (value.code === 'escaped_reference') {
    return 'it has an escaped reference, which env expand turns into text; take the backslash away if you mean a reference';
  }
  const { code, reason, causeLine, dialect = '' } = value;
  const [what, why, remedy] = fileSentence({ ...value, key: 'it' }).split(': ');
  const sentence = why === undefined ? `${what}` : `${what}: ${why}`;
  if (causeLine !== undefined)
    return `${sentence}; change line ${causeLine} first, or ${otherwise}`;
  if (reason === 'carriage_return') {
    return `${dialect} takes CRLF at the end for a part of it; write the file with LF, or ${otherwise}`;
  }
  if (reason === 'byte_order_mark' || reason === 'key' || reason === 'comment') {
    return `${sentence}; ${remedy}, or ${otherwise}`;
  }
  if (!/[$`]/.test(text)) return `${sentence}; put it in single quotes, or ${otherwise}`;
  const replaces = `${dialect} may replace what follows a $, or run what is in backticks`;
  // dotenv and python expand variables in any quotes, so single quotes would not help.
  const asText = ['dotenv', 'python'].includes(dialect)
    ? `if that is text, ${otherwise}`
    : 'put it in single quotes if that is text';
  const cause = code === 'reader_disagrees' ? replaces : sentence;
  return `${cause}; ${asText}; if not, ${splitSecret(text)}`;
};

const otherwise = 'name the program that reads the file with --dialect';

/** What to do with a secret in a value that the reader interpolates. `text` is the value's line. */
export const splitSecret = (text: string): string =>
  `move the ${text.includes('://') ? 'password' : 'secret'} in it into a key of its own`;

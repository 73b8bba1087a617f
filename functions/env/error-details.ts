/** Says what is wrong with a `.env` file, and what to do, to a caller of the API. */
import type { FileError, UnfitReason } from '../model/errors.ts';

/**
 * The sentences by code, for all codes except `not_representable`. Each says what is wrong and,
 * after a colon, what to do about it.
 */
export const codeSentences: Readonly<
  Record<Exclude<FileError['code'], 'not_representable'>, string>
> = {
  missing_equals:
    'this is neither an assignment nor a comment nor a blank line: write KEY=value, or put # before it',
  unterminated_quote: 'the value has no closing quote: add it',
  text_after_quote:
    'only blanks and a comment may follow a quoted value: put the whole value in the quotes, and a blank before a comment',
  bad_key: 'a key consists of letters, digits and _, and does not begin with a digit: rename it',
  bad_character: 'there is a NUL, or a carriage return that does not end a line: remove it',
  bad_escape: 'in double quotes this backslash is not an escape: double it to keep it',
  duplicate_key: 'the key is already assigned above; programs take the last one: delete the other',
  malformed_reference:
    'this looks like a reference but is not one: write secret(NAME), secret(NAME@VERSION) or enc(NAME), or put a ' +
    'backslash before it to make it text',
  enc_not_allowed:
    'expand stores nothing, so the file must not contain enc(): encrypt the file first',
  unused_value: 'no enc() of the file has the name of this value: add one, or leave the value out',
  ambiguous_value: 'the value in the file differs from the one given: leave one of them out',
  unresolved_value:
    'enc(NAME) takes the name of a secret, and this name has no value: send one in `values`, or add a line NAME=value',
  nested_reference:
    'the value to be stored contains a reference itself: write the value in its place',
  reference_to_new_secret:
    'this request stores the secret, so it cannot read it: write the same enc() here, or read it in a later request',
  conflicting_enc: 'the file has both enc() and enc(…@next) of this name: use only one of them',
  not_found: 'the token sees no such secret or version: check the name and the version',
  version_conflict:
    'the secret has a different current version: read it again before you replace it',
  pin_mismatch:
    'this version is not the one that was pinned, so the vault may have been restored: check the value and pin it again',
  version_destroyed: 'the value of this version was destroyed: refer to another version',
  secret_exists: 'the secret exists already: enc(NAME@next) stores its next version',
};

/** The sentence for `DB_PASS=enc(DB_PASS)`: the line that needs the value refers to itself. */
export const ownValueSentence =
  'its line has enc(NAME) in place of the value: write the value there, and enc(NAME) on a line with another key, or give the value separately';

/** Why a value cannot be written for a dialect and, after a colon, what to do. */
export const reasonSentences: Readonly<Record<UnfitReason, string>> = {
  not_utf8: 'the value is not text: store it as Base64, or read it on its own',
  nul: 'the value contains a NUL: use the dialect json, or read it on its own',
  line_feed: 'the value contains a line feed: use another reader and its dialect',
  carriage_return:
    'a carriage return is in the way: remove it, or use another reader and its dialect',
  quotes:
    'the value needs quotes but contains every kind of quote: use another reader and its dialect',
  expansion: 'the reader would expand the value: use another reader and its dialect',
  too_long: 'the line would be too long: shorten it, or use another reader and its dialect',
  key: 'the reader reserves this name: rename it',
  byte_order_mark: 'a byte order mark is in the way: remove it',
  comment: 'the comment is in the way: remove it',
  other_line: 'another line is in the way: change that line',
  expanded_later:
    'the file will be expanded later, and then only this reader would read the line correctly: use this dialect only once no reference is left',
};

/**
 * The sentence about an error, which begins with the secret, or with the key of the line. The text
 * in a reference is not repeated, because it may be a value in the wrong place.
 */
export const errorDetail = ({ code, name, key, dialect, reason, causeLine }: FileError): string => {
  if (code === 'not_representable') {
    const why = reason === undefined ? '' : `: ${reasonSentences[reason]}`;
    const at = causeLine === undefined ? '' : ` (line ${causeLine})`;
    return `${key} cannot be written for ${dialect}${why}${at}`;
  }
  const about = name ?? key;
  const isOwn = code === 'unresolved_value' && name !== undefined;
  const sentence = isOwn ? ownValueSentence : codeSentences[code];
  if (about === undefined) return sentence;
  return `${about}: ${name === undefined ? sentence : sentence.replaceAll('NAME', name)}`;
};

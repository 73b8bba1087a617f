/** Says what is wrong with a `.env` file, in `dsvault`, the console and the Action. */
import type { FileError } from './problem-report.ts';

const anotherHistory =
  'the vault has another version of this number than the pin means, as after a restore';

const sentences: Readonly<Record<string, string>> = {
  missing_equals: 'this is neither an assignment nor a comment nor a blank line',
  unterminated_quote: 'no quote closes the value',
  text_after_quote: 'only blanks and a comment may follow a quoted value',
  bad_key: 'a key is letters, digits and _, with no digit first',
  bad_character: 'a NUL, or a carriage return that ends no line',
  bad_escape: 'in double quotes this backslash is not an escape',
  duplicate_key: 'the key is already assigned above',
  malformed_reference:
    'this looks like a reference but is not one; a backslash before it makes it text',
  enc_not_allowed: 'expand stores nothing, so enc() has no place here',
  unused_value: 'a value was given that no enc() names',
  ambiguous_value: 'the file and the value given differ',
  unresolved_value: 'no value for this enc(): neither in the file nor given',
  nested_reference: 'the value to be stored contains a reference itself',
  escaped_reference: 'with or without its backslash? JSON is stored unchanged',
  reference_to_new_secret: 'this request stores the secret, so it cannot read it',
  conflicting_enc: 'the file has both enc() and enc(…@next) of this name',
  not_found: 'there is no such secret',
  no_such_version: 'the secret has no such version, or it is a deletion',
  secret_deleted: 'the secret is deleted; dsvault restore brings it back',
  version_conflict: 'the secret has moved on to another version',
  pin_mismatch: anotherHistory,
  another_history: anotherHistory,
  version_destroyed: 'the value of this version was destroyed',
  secret_exists: 'the secret exists already',
  not_text: 'a value must be a string',
  bad_name: 'this is not a secret name',
  bad_json: 'this is not JSON',
  value_elsewhere: 'this line still holds a value that was stored',
  reader_disagrees: 'the program that reads this file may read this line differently',
};

const reasons: Readonly<Record<string, string>> = {
  not_utf8: 'the value is no text',
  nul: 'the value holds a NUL',
  line_feed: 'the value holds a line feed',
  carriage_return: 'a carriage return prevents it',
  quotes: 'the value needs quotes but contains every kind of quote',
  expansion: 'the reader would expand the value',
  too_long: 'the line would be too long',
  key: 'the reader keeps this name for itself',
  byte_order_mark: 'a byte order mark is in the way',
  comment: 'the comment is in the way',
  other_line: 'another line is in the way',
  expanded_later: 'the file is to be expanded later, and only the reader would read the line right',
};

/** The sentence for an error or a warning, without its position. */
export const fileSentence = ({
  code,
  name,
  key,
  dialect,
  reason,
  causeLine,
}: Omit<FileError, 'line' | 'column'>): string => {
  if (code === 'not_representable') {
    const why = reasons[reason ?? ''] ?? reason;
    const at = causeLine === undefined ? '' : ` (line ${causeLine})`;
    return `${key} cannot be written for ${dialect}: ${why}${at}`;
  }
  if (code === 'reader_disagrees' && dialect !== undefined) {
    const why = reason === undefined ? '' : `: ${reasons[reason] ?? reason}`;
    return `${dialect} may read this line in another way than the vault${why}`;
  }
  const sentence = sentences[code] ?? code;
  return name === undefined ? sentence : `${name}: ${sentence}`;
};

/** Says what is wrong with a `.env` file, in `dsvault`, the console and the Action. */
import type { FileError } from './problem-report.ts';

const anotherHistory =
  'the version with this number is not the one that the pin means; the vault may have been restored';

/** The sentences by code. NAME stands for the name of the error, if it has one. */
const sentences: Readonly<Record<string, string>> = {
  missing_equals:
    'this is neither an assignment nor a comment nor a blank line: write KEY=value, or put # before it',
  unterminated_quote: 'the value has no closing quote',
  text_after_quote: 'only blanks and a comment may follow a quoted value',
  bad_key: 'a key consists of letters, digits and _, and does not begin with a digit',
  bad_character: 'there is a NUL, or a carriage return that does not end a line',
  bad_escape: 'in double quotes this backslash is not an escape',
  duplicate_key: 'the key is already assigned above; programs take the last one: delete the other',
  malformed_reference:
    'this looks like a reference but is not one: write secret(NAME), secret(NAME@VERSION) or enc(NAME), or put a ' +
    'backslash before it to make it text',
  enc_not_allowed:
    'expand stores nothing, so the file must not contain enc(): dsvault env encrypt turns it into secret()',
  unused_value: 'a value was given for which there is no enc()',
  ambiguous_value: 'the value in the file differs from the one given',
  unresolved_value:
    'this enc() has no value: add a line NAME=value to the file, or give the value separately',
  nested_reference:
    'the value to be stored contains a reference itself: write the value in its place',
  escaped_reference:
    'it is not clear whether the backslash belongs to the value; JSON is stored unchanged',
  reference_to_new_secret: 'this request stores the secret, so it cannot read it',
  conflicting_enc: 'the file has both enc() and enc(…@next) of this name',
  not_found: 'the token sees no such secret or version: dsvault history NAME lists its versions',
  no_such_version:
    'the secret has no such version, or it is a deletion: dsvault history NAME lists its versions',
  secret_deleted: 'the secret is deleted: dsvault restore NAME brings it back',
  version_conflict: 'the secret has a different current version',
  pin_mismatch: anotherHistory,
  another_history: anotherHistory,
  version_destroyed:
    'the value of this version was destroyed: dsvault history NAME lists the others',
  secret_exists: 'the secret exists already',
  not_text: 'a value must be a string',
  bad_name: 'this is not a secret name: write a letter or _, then letters, digits, _ . or -',
  bad_json: 'this is not valid JSON, or not one object of names and texts: {"NAME": "value"}',
  value_elsewhere: 'this line still contains a value that was stored: write its reference instead',
  reader_disagrees: 'the program that reads this file may read this line differently',
};

const reasons: Readonly<Record<string, string>> = {
  not_utf8: 'the value is not text',
  nul: 'the value contains a NUL',
  line_feed: 'the value contains a line feed',
  carriage_return: 'a carriage return is in the way',
  quotes: 'the value needs quotes but contains every kind of quote',
  expansion: 'the reader would expand the value',
  too_long: 'the line would be too long',
  key: 'the reader reserves this name',
  byte_order_mark: 'a byte order mark is in the way',
  comment: 'the comment is in the way',
  other_line: 'another line is in the way',
  expanded_later:
    'the file will be expanded later, and then only this reader would read the line correctly',
};

/** The sentence for an error or a warning, without its position. */
export const fileSentence = ({
  code,
  name,
  key,
  dialect,
  reason,
  causeLine,
  causeFile,
}: Omit<FileError, 'line' | 'column'>): string => {
  if (code === 'not_representable') {
    const why = reasons[reason ?? ''] ?? reason;
    const at =
      causeLine === undefined ? '' : ` (${causeFile ? `${causeFile} ` : ''}line ${causeLine})`;
    return `${key} cannot be written for ${dialect}: ${why}${at}`;
  }
  if (code === 'interpolated' || code === 'interpolated_reference') {
    const also =
      code === 'interpolated'
        ? ''
        : ', which has a reference too: give the secret a key of its own';
    return `${key}: ${dialect} would interpolate this value${also}`;
  }
  if (code === 'reader_disagrees' && dialect !== undefined) {
    const why = reason === undefined ? '' : `: ${reasons[reason] ?? reason}`;
    return `${dialect} may read this line differently than the vault${why}`;
  }
  const sentence = sentences[code] ?? code;
  return name === undefined ? sentence : `${name}: ${sentence.replaceAll('NAME', name)}`;
};

/** Says what is wrong with a `.env` file, in `dsvault` and the Action. */
import {
  codeSentences,
  ownValueSentence,
  reasonSentences,
} from '../functions/env/error-details.ts';
import type { FileError } from './problem-report.ts';

/** The sentences by code. NAME stands for the name of the error, if it has one. */
const sentences: Readonly<Record<string, string>> = {
  ...codeSentences,
  enc_not_allowed:
    'expand stores nothing, so the file must not contain enc(): dsvault env encrypt turns it into secret()',
  unused_value: 'a value was given for which there is no enc()',
  unresolved_value:
    'this enc() has no value: add a line NAME=value to the file, or give the value separately',
  escaped_reference:
    'it is not clear whether the backslash belongs to the value; JSON is stored unchanged',
  not_found: 'the token sees no such secret or version: dsvault history NAME lists its versions',
  no_such_version:
    'the secret has no such version, or it is a deletion: dsvault history NAME lists its versions',
  secret_deleted: 'the secret is deleted: dsvault restore NAME brings it back',
  another_history: codeSentences.pin_mismatch,
  version_destroyed:
    'the value of this version was destroyed: dsvault history NAME lists the others',
  secret_exists: 'the secret exists already',
  not_text: 'a value must be a string',
  bad_name: 'this is not a secret name: write a letter or _, then letters, digits, _ . or -',
  bad_json: 'this is not valid JSON, or not one object of names and texts: {"NAME": "value"}',
  value_elsewhere: 'this line still contains a value that was stored: write its reference instead',
  reader_disagrees: 'the program that reads this file may read this line differently',
};

const reasons: Readonly<Record<string, string>> = reasonSentences;

/** Stands for a dialect in the errors of a file whose variables a program gets. */
export const environmentDialect = 'environment';

/** The sentence for an error or a warning, without its position. */
export const fileSentence = ({
  code,
  name,
  meant,
  key,
  dialect,
  reason,
  causeLine,
  causeFile,
}: Omit<FileError, 'line' | 'column'>): string => {
  if (code === 'not_representable' && dialect === environmentDialect) {
    return `${key} is not text, and an environment variable holds text only: dsvault get NAME --out FILE writes the bytes to a file`;
  }
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
  if (meant !== undefined) return `${name}: the token sees no such secret: ${meant}`;
  const isOwn = code === 'unresolved_value' && name !== undefined;
  const sentence = isOwn ? ownValueSentence : (sentences[code] ?? code);
  return name === undefined ? sentence : `${name}: ${sentence.replaceAll('NAME', name)}`;
};

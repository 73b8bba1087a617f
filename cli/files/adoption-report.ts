/**
 * Says which values `env adopt` leaves in plain text, and what to do about those that should have
 * been stored.
 */
import type { Adoption } from '../../functions/env/adoption.ts';
import { findInterpolations, readFile } from '../../functions/env/agreement.ts';
import type { TextDialect } from '../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { isPublicName } from '../../functions/env/looks-secret.ts';
import { hasReference } from '../../functions/env/references.ts';
import { failure } from '../../system/failures.ts';
import { note, noteLine } from '../output/output.ts';
import { unfitReason } from './unfit-values.ts';

export const notePlain = (
  file: string,
  content: string,
  { silenced, unfit, plain, doubtful, secrets }: Adoption,
): void => {
  for (const { key, line } of silenced) {
    noteLine(
      `${file}:${line}: ${key} is assigned again below, and programs take the last line; this one becomes a comment, which still shows the value`,
    );
  }
  for (const { key, line } of cutByComment(content, secrets)) {
    noteLine(
      `${file}:${line}: ${key} ends before the # of a comment: if the rest belongs to the value, put both in quotes`,
    );
  }
  const lines = content.split('\n');
  for (const value of unfit) {
    const { key, line, column, code } = value;
    const why = unfitReason(value, lines[line - 1] ?? '');
    noteLine(`${file}:${line}:${column}: ${key} stays in plain text: ${why} [${code}]`);
  }
  if (doubtful.length > 0) {
    note(
      `these stay in plain text, and may be secrets: ${doubtful.join(', ')}; --keys stores them`,
    );
  }
  const others = plain.filter((key) => !doubtful.includes(key));
  const names = others.map((key) => (isPublicName(key) ? `${key} (public by its name)` : key));
  if (names.length > 0) note(`these stay in plain text: ${names.join(', ')}`);
};

/**
 * The values without quotes behind which a comment begins. The author of the file may have meant
 * the `#` and the rest of the line to be part of the value.
 */
const cutByComment = (content: string, secrets: Adoption['secrets']): Adoption['secrets'] => {
  const { lines } = parseFile(content);
  return secrets.filter(({ line, value }) => {
    const found = lines.find((one) => one.line === line);
    if (found?.kind !== 'assignment' || found.value.quote !== '') return false;
    // The readers of some dialects take all of the line as the value, or end the value earlier than
    // the vault. So a comment is looked for behind the value that the reader finds, not at
    // `comment`.
    const text = found.value.raw + found.afterValue + found.comment;
    return text.startsWith(value) && /^[ \t]*#/.test(text.slice(value.length));
  });
};

/** Returns what to do with a file that has references now, and with the lines that it still has. */
export const nextStep = (file: string, content: string, dialect: TextDialect): string => {
  const has = `${file} has references now`;
  if (dialect === 'docker') {
    return `${has}: dsvault env expand ${file} --dialect docker --out FILE writes it for docker run`;
  }
  const source = readFile(content);
  const keys = findInterpolations(source, dialect).flatMap(({ code, key }) =>
    code === 'interpolated' ? key : [],
  );
  const isLeft = keys.length > 0;
  const sent = source.file.lines.filter(
    (line) => line.kind === 'assignment' && (!isLeft || hasReference(line)),
  );
  const isMistaken = findInterpolations(source, 'shell', sent).length > 0 && dialect !== 'shell';
  const command = [
    'dsvault run',
    file === '.env' ? [] : `-f ${file}`,
    isLeft ? '--references-only' : [],
    isMistaken ? `--dialect ${dialect}` : [],
    '-- PROGRAM',
  ].flat();
  const why = isLeft ? `, which leaves ${keys.join(', ')} to the program's own reader` : '';
  return `${has}: start the program with ${command.join(' ')}${why}`;
};

/** Throws if a chosen value could not be stored. */
export const requireAllFit = ({ unfit }: Pick<Adoption, 'unfit'>): void => {
  if (unfit.length === 0) return;
  const sentence = `not stored: ${unfit.map(({ key }) => key).join(', ')}`;
  throw failure(sentence, { kind: 'invalidFile' });
};

/**
 * Plans how plain values of a file become references: `KEY=value` becomes `KEY=secret(NAME)`. The
 * plan proves that, once the new file is expanded, the reader of the dialect finds the same value
 * for every key as before.
 */
import { ApiError, type FileError } from '../model/errors.ts';
import { type Disagreement, findDisagreements, type ReadableFile, readFile } from './agreement.ts';
import { type TextDialect, writerOf } from './dialects/dialect.ts';
import { type ReadValue, withSpelling } from './dialects/writer.ts';
import { type Silenced, silenceDuplicates } from './duplicates.ts';
import { byteOrderMark, errorsAt } from './faults.ts';
import { type Assignment, type Line, parseFile, printLine } from './grammar.ts';
import { looksDoubtful, looksSecret } from './looks-secret.ts';
import { planFile } from './plan.ts';
import { findCandidates, hasReference, writtenAs } from './references.ts';
import { renderFile } from './render.ts';
import { valuesElsewhere, type Warning } from './warnings.ts';

type AdoptedSecret = {
  readonly key: string;
  readonly name: string;
  readonly value: string;
  /** The line and column of the value in the old file, counted as in `FileError`. */
  readonly line: number;
  readonly column: number;
};

export type UnfitValue = (FileError | Disagreement | EscapedReference) & { readonly key: string };

/**
 * The value contains `\secret(X)`. It is not a reference, but an expansion would remove the
 * backslash, so the reader would find another value. Adoption leaves the value alone and reports
 * it.
 */
type EscapedReference = Pick<FileError, 'line' | 'column'> & { readonly code: 'escaped_reference' };

export type Adoption = {
  /** The text of the new file. It must not be used if `errors` has entries. */
  readonly content: string;
  readonly secrets: readonly AdoptedSecret[];
  /** The chosen keys that stay because their values are references already, or are empty. */
  readonly kept: readonly string[];
  /**
   * The chosen values that stay because the reader would not find them again after an expansion.
   */
  readonly unfit: readonly UnfitValue[];
  /** The keys of the values that stay in plain text, without those in `unfit`. */
  readonly plain: readonly string[];
  /** Those of `plain` that a person should look at, because they may be secrets. */
  readonly doubtful: readonly string[];
  /** Assignments that became comments because a later one of the same key overrides them. */
  readonly silenced: readonly Silenced[];
  readonly errors: readonly (FileError | Disagreement)[];
};

type Choice = {
  readonly keys: readonly string[];
  readonly nameOf: (key: string) => string;
  readonly dialect: TextDialect;
};

/**
 * Plans the adoption of the chosen keys of a `.env` file. Throws `too_large` if the file or a value
 * exceeds the limits of a request.
 */
export const planAdoption = (text: string, choice: Choice): Adoption => {
  const { content, silenced } = silenceDuplicates(text);
  const source = readFile(content);
  const none = {
    content: text,
    secrets: [],
    kept: [],
    unfit: [],
    plain: [],
    doubtful: [],
    silenced,
  };
  if (source.errors.length > 0) return { ...none, errors: source.errors };
  const assignments = assignmentsOf(source);
  const chosen = choice.keys.flatMap((key) => assignments.get(key) ?? []);
  const unfit = new Map<Line, UnfitValue>();
  for (const line of chosen) {
    const [{ key }, offset] = [line, source.offsetOf(line)];
    const [escaped] = errorsAt(content, [{ key, offset, code: 'escaped_reference' as const }]);
    if (isEscaped(source, line) && escaped) unfit.set(line, escaped);
  }
  for (;;) {
    const left = chosen.filter((line) => !unfit.has(line));
    const { errors, ...adopted } = adoptLines(source, left, choice);
    const keys = new Set(adopted.secrets.map(({ key }) => key));
    const faulty = errors.flatMap((error) => {
      const line = left.find((one) => one.line === error.line && keys.has(one.key));
      return line === undefined ? [] : [[line, { ...error, key: line.key }] as const];
    });
    // Leave out the values that cause an error and plan again: the reader may find all others
    // correctly.
    for (const [line, fault] of faulty) unfit.set(line, fault);
    if (faulty.length > 0) continue;
    if (errors.length > 0) return { ...none, errors };
    const stays = ({ key, value }: Assignment) => !keys.has(key) && value.decoded !== '';
    const plain = [...assignments.values()].filter(
      (line) => stays(line) && !unfit.has(line) && isText(source, line),
    );
    return {
      ...adopted,
      // If there is no value to store, the file is left alone.
      ...(keys.size === 0 ? { content: text, silenced: [] } : { silenced }),
      unfit: [...unfit.values()].sort((a, b) => a.line - b.line),
      plain: plain.map(({ key }) => key),
      doubtful: plain.flatMap(({ key, value }) => (looksDoubtful(key, value.decoded) ? key : [])),
      errors,
    };
  }
};

/** Whether the value of a line is plain text: it contains no references other than escaped ones. */
const isText = (source: ReadableFile, line: Assignment): boolean =>
  source.plain.has(line) || isEscaped(source, line);

const isEscaped = ({ referring }: ReadableFile, line: Assignment): boolean =>
  referring.has(line) && !hasReference(line);

const adoptLines = (
  source: ReadableFile,
  chosen: readonly Assignment[],
  { nameOf, dialect }: Choice,
): Pick<Adoption, 'content' | 'secrets' | 'kept' | 'errors'> => {
  const values = differentValues(source, dialect);
  const readValue = (line: Assignment) => values.get(line)?.value ?? line.value.decoded;
  const adopted = chosen.filter((line) => source.plain.has(line) && readValue(line) !== '');
  const positions = errorsAt(
    source.content,
    adopted.map((line) => ({ key: line.key, offset: source.offsetOf(line) })),
  );
  const secrets = positions.flatMap(({ key, ...position }) => {
    const line = adopted.find((one) => one.key === key);
    return line ? { key, name: nameOf(key), value: readValue(line), ...position } : [];
  });
  const isAdopted = new Set<Line>(adopted);
  const written = source.file.lines.map((line) => {
    if (line.kind !== 'assignment' || !isAdopted.has(line)) return printLine(line);
    return withSpelling(values.get(line)?.line ?? line, `secret(${nameOf(line.key)})`);
  });
  const adoption = {
    content: (source.file.bom ? byteOrderMark : '') + written.join(''),
    secrets,
    kept: chosen.filter((line) => !isAdopted.has(line)).map(({ key }) => key),
  };
  if (adopted.length === 0) return { ...adoption, errors: [] };
  // Comments and blank lines are checked too, because adoption can change how a value is quoted,
  // and Node may then take a comment below it for a key.
  const others = source.file.lines.filter(({ kind }) => kind !== 'assignment');
  const unclear = new Set<Line>([...others, ...adopted.filter((line) => !values.has(line))]);
  const errors = findDisagreements(source, dialect, unclear);
  return {
    ...adoption,
    errors: errors.length > 0 ? errors : findChanges(source, adoption, dialect),
  };
};

/** The values on lines that the reader certainly reads, but differently from the vault. */
const differentValues = (
  { file, plain }: ReadableFile,
  dialect: TextDialect,
): ReadonlyMap<Line, ReadValue> => {
  const { disagrees, found } = writerOf(dialect);
  const values = new Map<Line, ReadValue>();
  for (const line of plain) {
    if (line.kind !== 'assignment' || !disagrees(file, line)) continue;
    const other = found?.(line);
    // A value that contains a reference is left alone, because a later submit of the file would
    // refuse to put it in place.
    if (other && findCandidates(other.value).length === 0) values.set(line, other);
  }
  return values;
};

const assignmentsOf = ({ file }: ReadableFile): ReadonlyMap<string, Assignment> =>
  new Map(
    file.lines.flatMap((line) => (line.kind === 'assignment' ? [[line.key, line] as const] : [])),
  );

/**
 * Stands in for the value of a reference that was in the file before, which is not known here.
 * Every reader reads `x` correctly, however it is quoted.
 */
const unknownValue = 'x';

/**
 * The errors of an adoption: one for each key for which the reader would find a different value
 * once the new file is expanded or, if it cannot be expanded, the reasons for that.
 */
const findChanges = (
  source: ReadableFile,
  { content, secrets }: Pick<Adoption, 'content' | 'secrets'>,
  dialect: TextDialect,
): readonly (FileError | Disagreement)[] => {
  const lines = assignmentsOf(source);
  const offsetOf = (key: string | undefined): number => {
    const line = lines.get(key ?? '');
    return line === undefined ? 0 : source.offsetOf(line);
  };
  const expanded = expand(content, secrets, dialect);
  if (typeof expanded !== 'string') {
    // These errors have positions in the new file, so move them to the old one. Both files have the
    // same lines.
    const numbers = parseFile(content).lines.map(({ line }) => line);
    const faults = expanded.map(({ line: _, column: __, causeLine, ...error }) => {
      const cause = source.file.lines[numbers.indexOf(causeLine ?? 0)];
      return { ...error, offset: offsetOf(error.key), ...(cause && { causeLine: cause.line }) };
    });
    return errorsAt(source.content, faults);
  }
  const changed = findChangedKeys(source, expanded, dialect);
  return errorsAt(
    source.content,
    changed.map((key) => ({ offset: offsetOf(key), code: 'reader_disagrees' as const, dialect })),
  );
};

/**
 * The keys of `source` for which the reader finds another value in `text`, or none. Keys whose
 * lines in `source` have references are left out, because their values are not known here.
 */
export const findChangedKeys = (
  source: ReadableFile,
  text: string,
  dialect: TextDialect,
): readonly string[] => {
  const after = findings(readFile(text), dialect);
  const referring = new Set([...source.referring].map((line) => keyOf(line)));
  return [...findings(source, dialect)].flatMap(([key, found]) =>
    referring.has(key) || after.get(key) === found ? [] : [key],
  );
};

const keyOf = (line: Line): string | undefined =>
  line.kind === 'assignment' ? line.key : undefined;

/** The new file with all its values, or the reasons why the dialect cannot express them. */
const expand = (
  content: string,
  secrets: readonly AdoptedSecret[],
  dialect: TextDialect,
): string | readonly FileError[] => {
  try {
    const plan = planFile({ content, values: new Map(), dialect, mode: 'expand' });
    const values = new Map(secrets.map(({ name, value }) => [name, value]));
    const resolved = plan.read.map((reference) => {
      const text = writtenAs(reference);
      return [text, new TextEncoder().encode(values.get(text) ?? unknownValue)] as const;
    });
    return renderFile(plan, new Map(resolved), 'text').content;
  } catch (error) {
    const errors = error instanceof ApiError ? error.properties.errors : undefined;
    if (errors === undefined) throw error;
    return errors;
  }
};

/**
 * What the dialect's reader finds for each key: the value or, if it is not certain how the reader
 * reads the line, the text of the line itself.
 */
const findings = (source: ReadableFile, dialect: TextDialect): ReadonlyMap<string, string> => {
  const values = differentValues(source, dialect);
  const certain = new Set([...source.plain].filter((line) => !values.has(line)));
  const unclear = new Set(findDisagreements(source, dialect, certain).map(({ line }) => line));
  return new Map(
    [...assignmentsOf(source)].map(([key, line]) => {
      if (unclear.has(line.line)) return [key, `line ${printLine(line)}`];
      return [key, `value ${values.get(line)?.value ?? line.value.decoded}`];
    }),
  );
};

/** Finds the lines of an adopted file, such as comments, that still contain a stored value. */
export const findHeldValues = ({
  content,
  secrets,
}: Pick<Adoption, 'content' | 'secrets'>): readonly Warning[] => {
  const lines = parseFile(content).lines.map((line) => ({
    ...{ line: line.line, text: printLine(line) },
    ...(line.kind === 'assignment' && { decoded: line.value.decoded }),
  }));
  const held = valuesElsewhere(secrets, lines);
  return [...held].sort((a, b) => a - b).map((line) => ({ line, code: 'value_elsewhere' }));
};

/** The keys that a file assigns. */
export const assignedKeys = (content: string): ReadonlySet<string> =>
  new Set(assignmentsOf(readFile(content)).keys());

/** The keys of a file that look like secrets and do not have references yet, with their lines. */
export const findPlainSecrets = (content: string) => {
  const source = readFile(content);
  return [...assignmentsOf(source)].flatMap(([key, line]) =>
    isText(source, line) && looksSecret(key, line.value.decoded) ? [{ key, line: line.line }] : [],
  );
};

export const proposeKeys = (content: string): readonly string[] =>
  findPlainSecrets(content).map(({ key }) => key);

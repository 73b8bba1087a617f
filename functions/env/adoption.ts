/**
 * Plans how plain values of a file become references: `KEY=value` becomes `KEY=secret(NAME)`. The plan proves that the
 * reader of the dialect finds the same value behind every key as before, once the new file is expanded.
 */
import { type FileError, VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Disagreement, findDisagreements, type ReadableFile, readFile } from './agreement.ts';
import { differentValues } from './convert.ts';
import type { TextDialect } from './dialects/dialect.ts';
import { withSpelling } from './dialects/writer.ts';
import { byteOrderMark, errorsAt } from './faults.ts';
import { type Assignment, type Line, printLine } from './grammar.ts';
import { planFile } from './plan.ts';
import { writtenAs } from './references.ts';
import { renderFile } from './render.ts';
import { utf8Bytes } from './sizes.ts';

type AdoptedSecret = {
  readonly key: string;
  readonly name: string;
  readonly value: string;
  /** The offset of the value in the old file. */
  readonly offset: number;
};

export type Adoption = {
  /** The new file. It must not be used if there are errors. */
  readonly content: string;
  readonly secrets: readonly AdoptedSecret[];
  /** The keys that stay, because their values have references already, or are empty. */
  readonly kept: readonly string[];
  /** The keys that the file does not assign. */
  readonly missing: readonly string[];
  readonly errors: readonly (FileError | Disagreement)[];
};

type Choice = {
  readonly keys: readonly string[];
  readonly nameOf: (key: string) => string;
  readonly dialect: TextDialect;
};

/** Throws `too_large` for a file or a value beyond the limits of a request. */
export const planAdoption = (content: string, { keys, nameOf, dialect }: Choice): Adoption => {
  const source = readFile(content);
  const none = { content, secrets: [], kept: [], missing: [] };
  if (source.errors.length > 0) return { ...none, errors: source.errors };
  const assignments = assignmentsOf(source);
  const chosen = keys.flatMap((key) => assignments.get(key) ?? []);
  const values = differentValues(source, dialect);
  const readValue = (line: Assignment) => values.get(line)?.value ?? line.value.decoded;
  const adopted = chosen.filter((line) => source.plain.has(line) && readValue(line) !== '');
  // Node takes some comments for keys, or not, by the spelling of the value above them.
  const others = source.file.lines.filter(({ kind }) => kind !== 'assignment');
  const unclear = new Set<Line>([...others, ...adopted.filter((line) => !values.has(line))]);
  const errors = findDisagreements(source, dialect, unclear);
  if (errors.length > 0) return { ...none, errors };
  const isAdopted = new Set<Line>(adopted);
  const secrets = adopted.map((line) => {
    const { key } = line;
    return { key, name: nameOf(key), value: readValue(line), offset: source.offsetOf(line) };
  });
  const written = source.file.lines.map((line) => {
    if (line.kind !== 'assignment' || !isAdopted.has(line)) return printLine(line);
    return withSpelling(values.get(line)?.line ?? line, `secret(${nameOf(line.key)})`);
  });
  const adoption = {
    content: (source.file.bom ? byteOrderMark : '') + written.join(''),
    secrets,
    kept: chosen.filter((line) => !isAdopted.has(line)).map(({ key }) => key),
    missing: keys.filter((key) => !assignments.has(key)),
  };
  return { ...adoption, errors: findChanges(source, adoption, dialect) };
};

const assignmentsOf = ({ file }: ReadableFile): ReadonlyMap<string, Assignment> =>
  new Map(
    file.lines.flatMap((line) => (line.kind === 'assignment' ? [[line.key, line] as const] : [])),
  );

/** Stands for the value of a reference that the file had before. Any reader reads it in any spelling. */
const unknownValue = 'x';

/** The keys behind which the reader would find another value in the new file, once that is expanded. */
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
    // The positions of these errors are those of the new file.
    const faults = expanded.map(({ line: _, column: __, causeLine: ___, ...error }) => {
      return { ...error, offset: offsetOf(error.key) };
    });
    return errorsAt(source.content, faults);
  }
  const changed = findChangedKeys(source, expanded, dialect);
  return errorsAt(
    source.content,
    changed.map((key) => ({ offset: offsetOf(key), code: 'reader_disagrees' as const, dialect })),
  );
};

/** The keys behind which the reader finds another value in this text. Lines with references are left out. */
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

/** The new file with all values, or why the dialect cannot hold them. */
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
    const errors = error instanceof VaultError ? error.properties.errors : undefined;
    if (errors === undefined) throw error;
    return errors;
  }
};

/** What the reader finds behind each key: its value, or the line itself where the value is not certain. */
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

/** The lines of a new file that still hold an adopted value, such as a comment. Short values are left out. */
export const findHeldValues = (
  content: string,
  secrets: readonly AdoptedSecret[],
): readonly { readonly line: number; readonly code: 'value_elsewhere' }[] => {
  const values = secrets
    .map(({ value }) => value)
    .filter((value) => utf8Bytes(value) >= limits.telltaleBytesMin);
  return readFile(content).file.lines.flatMap((line) => {
    const texts = [printLine(line), line.kind === 'assignment' ? line.value.decoded : ''];
    const holds = values.some((value) => texts.some((text) => text.includes(value)));
    return holds ? [{ line: line.line, code: 'value_elsewhere' as const }] : [];
  });
};

const secretKey = /(?:^|_)(?:PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|KEY|CREDENTIALS?)$/i;
const publicKey = /(?:^|_)PUBLIC_KEY$/i;
const urlWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s:]*:[^/?#@\s]+@/i;
const privateKey = /^-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** The keys of a file whose names or values look like those of secrets, without those that have references already. */
export const proposeKeys = (content: string): readonly string[] => {
  const source = readFile(content);
  return [...assignmentsOf(source)].flatMap(([key, line]) => {
    const { decoded } = line.value;
    if (decoded === '' || !source.plain.has(line)) return [];
    const isNamed = secretKey.test(key) && !publicKey.test(key);
    return isNamed || urlWithPassword.test(decoded) || privateKey.test(decoded) ? [key] : [];
  });
};

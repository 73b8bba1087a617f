/**
 * The plan of a `.env` file: the secrets to create, the secrets to read, and what to do with each
 * line. Planning reports all errors that can be found before any secret is read.
 */
import { ApiError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { isSecretName, secretNameForm } from '../model/types.ts';
import { type Dialect, writerOf } from './dialects/dialect.ts';
import type { Unfit } from './dialects/writer.ts';
import { errorsAt, type Fault, reportOf } from './faults.ts';
import { type Line, type ParsedFile, parseFile } from './grammar.ts';
import {
  type Candidate,
  type FirstReference,
  type PlacedCandidate,
  partsOf,
  type Reference,
  type References,
  type ScannedLine,
  scanFile,
  writtenAs,
} from './references.ts';
import { requireAtMost, utf8Bytes } from './sizes.ts';

/**
 * `submit` stores `enc()` and resolves `secret()`. `encrypt` only stores, and `expand` only
 * resolves.
 */
type EnvMode = 'submit' | 'encrypt' | 'expand';

export type EnvFile = {
  /** The text of the file, which must be well-formed UTF-16, without lone surrogates. */
  readonly content: string;
  /** The values that the request sends for `enc(NAME)`, by name. */
  readonly values: ReadonlyMap<string, string>;
  /** The versions that must be current for `enc(NAME@next)`, by name. */
  readonly ifVersions?: ReadonlyMap<string, number> | undefined;
  readonly dialect: Dialect;
  readonly mode: EnvMode;
};

/**
 * What happens to a line in the reply. `keep`: it stays unchanged. `edit`: only its references
 * change. `write`: it is rewritten with its resolved value.
 */
type Treatment = 'keep' | 'edit' | 'write';

export type PlannedLine = {
  readonly line: Line;
  readonly candidates: readonly PlacedCandidate[];
  readonly treatment: Treatment;
  /** If the line's own value is stored as a secret, the name of that secret. */
  readonly storedAs: string | undefined;
};

export type Plan = {
  /**
   * The versions to create, in the order in which their names first occur in an `enc()`. Empty for
   * `expand`.
   */
  readonly create: readonly NewValue[];
  /**
   * The `secret()` references, in the order in which they first occur, and each text once. Empty
   * for `encrypt`.
   */
  readonly read: readonly Reference[];
  readonly content: string;
  readonly dialect: Dialect;
  /** Whether the reply is for the dialect's reader, and not for a later `expand`. */
  readonly final: boolean;
  readonly file: ParsedFile;
  readonly lines: readonly PlannedLine[];
  readonly references: References;
};

/**
 * Plans a file. Throws `invalid_request` (with the field `values`, `ifVersions` or `dialect`),
 * `too_large`, or `invalid_env` with all errors of the file.
 */
export const planFile = (file: EnvFile): Plan => {
  const { content, ifVersions = new Map<string, number>(), dialect, mode } = file;
  requireWithinLimits(file);
  const parsed = parseFile(content);
  const references = scanFile(parsed);
  const final = mode === 'expand' || (mode === 'submit' && references.enc.size === 0);
  if (dialect === 'json' && !final) {
    throw new ApiError(
      'invalid_request',
      'the dialect json needs a file that is not expanded later',
      {
        properties: { field: 'dialect' },
      },
    );
  }
  if (![...ifVersions.keys()].every((name) => references.enc.get(name)?.isNext)) {
    const sentence = 'ifVersions names a secret for which the file has no enc(NAME@next)';
    throw new ApiError('invalid_request', sentence, { properties: { field: 'ifVersions' } });
  }
  const expanding = mode === 'expand';
  const sources = findSources(expanding ? { ...references, enc: new Map() } : references, file);
  requireNamesWithinLimits(references, sources);
  const lines = planLines(parsed, references, sources, mode, dialect, final);
  const faults = [
    ...sources.faults,
    ...referenceFaults(references, mode),
    ...refusedLines(parsed, lines, dialect),
  ];
  const errors = [...parsed.errors, ...errorsAt(content, faults)];
  if (errors.length > 0) {
    const sentence = expanding ? 'the file has errors' : 'the file has errors; nothing was stored';
    throw new ApiError('invalid_env', sentence, { properties: reportOf(errors) });
  }
  const read = mode === 'encrypt' ? [] : [...references.secret.values()];
  return { create: sources.create, read, content, dialect, final, file: parsed, lines, references };
};

const requireWithinLimits = ({ content, values }: EnvFile): void => {
  for (const name of values.keys()) {
    if (isSecretName(name)) continue;
    throw new ApiError('invalid_request', `every key of values must be ${secretNameForm}`, {
      properties: { field: 'values' },
    });
  }
  requireAtMost(utf8Bytes(content), limits.fileBytesMax, (size) => `the file has ${size} bytes`);
  for (const [name, value] of values) requireValueFits(name, utf8Bytes(value));
};

const requireValueFits = (name: string, bytes: number): void =>
  requireAtMost(bytes, limits.valueBytesMax, (size) => `the value of ${name} has ${size} bytes`);

const requireNamesWithinLimits = ({ secret, enc }: References, { create }: Sources): void => {
  // A next version takes two actions of the transaction, because the replaced version is kept.
  const nexts = [...enc.values()].filter(({ isNext }) => isNext).length;
  const names = new Set([...secret.keys(), ...enc.keys()]).size;
  requireAtMost(names + nexts, limits.fileNamesMax, namesOf);
  let bytes = 0;
  for (const { name, value } of create) {
    const size = utf8Bytes(value);
    requireValueFits(name, size);
    bytes += size;
  }
  requireAtMost(bytes, limits.fileValuesBytesMax, valuesOf);
};

/** Says how many names a file has. */
export const namesOf = (count: number): string =>
  `the file names ${count} secrets, counting replaced ones twice`;

/** Says how many bytes all values of a file have. */
export const valuesOf = (bytes: number): string => `the file has values of ${bytes} bytes in total`;

const planLines = (
  file: ParsedFile,
  { lines }: References,
  sources: Sources,
  mode: EnvMode,
  dialect: Dialect,
  final: boolean,
): PlannedLine[] => {
  const scanned = new Map<Line, ScannedLine>(lines.map((entry) => [entry.line, entry]));
  const framed = writerOf(dialect).frame !== undefined;
  const treat = (line: Line, candidates: readonly Candidate[]): Treatment => {
    if (line.kind !== 'assignment') return 'keep';
    const holds = (kind: Candidate['kind']) => candidates.some((found) => found.kind === kind);
    if (final) return framed || candidates.length > 0 ? 'write' : 'keep';
    if (sources.lines.has(line)) return 'edit';
    if (mode === 'submit' && holds('secret')) return 'write';
    return holds('enc') ? 'edit' : 'keep';
  };
  return file.lines.map((line) => {
    const { candidates = [] } = scanned.get(line) ?? {};
    const treatment = treat(line, candidates);
    return { line, candidates, treatment, storedAs: sources.lines.get(line) };
  });
};

const referenceFaults = ({ lines, enc }: References, mode: EnvMode): Fault[] => {
  const faults: Fault[] = [];
  for (const {
    line: { key },
    candidates,
  } of lines) {
    for (const { kind, name, isNext, offset } of candidates) {
      const report = (code: Fault['code']) => faults.push({ offset, code, key });
      if (kind === 'malformed') report('malformed_reference');
      if (mode === 'expand' && kind === 'enc') report('enc_not_allowed');
      if (mode !== 'expand' && kind === 'secret' && enc.has(name)) {
        report('reference_to_new_secret');
      }
      if (mode !== 'expand' && kind === 'enc' && enc.get(name)?.isNext !== isNext) {
        report('conflicting_enc');
      }
    }
  }
  return faults;
};

/** Reports the lines on which the dialect's reader would read every value wrongly. */
const refusedLines = (
  file: ParsedFile,
  lines: readonly PlannedLine[],
  dialect: Dialect,
): Fault[] => {
  const written = new Set<Line>();
  const kept = new Set<Line>();
  for (const { line, candidates, treatment } of lines) {
    if (treatment === 'write') written.add(line);
    else if (treatment === 'keep' && candidates.length === 0) kept.add(line);
  }
  const refused = writerOf(dialect).refuse(file, written, kept);
  return lines.flatMap((planned) => {
    const { line } = planned;
    const unfit = refused.get(line);
    if (unfit === undefined || line.kind !== 'assignment') return [];
    return [unfitAt(offsetOfValue(planned), line.key, dialect, unfit)];
  });
};

/**
 * The offset at which to report errors about the resolved value of a line: that of its first
 * `secret()`, or else of its first text that looks like a reference.
 */
export const offsetOfValue = ({ candidates }: PlannedLine): number =>
  (candidates.find(({ kind }) => kind === 'secret') ?? candidates[0])?.offset ?? 0;

/**
 * Makes the fault for a value that the dialect cannot express. `key` must be a key from the
 * grammar. The fault reveals nothing about a value or about the text of a reference.
 */
export const unfitAt = (offset: number, key: string, dialect: Dialect, unfit: Unfit): Fault => ({
  offset,
  code: 'not_representable',
  key,
  dialect,
  ...unfit,
});

type NewValue = {
  readonly name: string;
  readonly value: string;
  /**
   * Whether the value becomes the next version of an existing secret. Otherwise the secret must not
   * exist.
   */
  readonly isNext?: true | undefined;
  /** The version that must be current before the write. */
  readonly ifVersion?: number | undefined;
};

type Sources = {
  readonly create: readonly NewValue[];
  /** The assignments whose values are stored, with the names of their secrets. */
  readonly lines: ReadonlyMap<Line, string>;
  readonly faults: readonly Fault[];
};

/**
 * Finds the value for each `enc()`: sent with the request, or on the line whose key is that name.
 * Never throws: a value that is missing or has two different sources becomes a fault in the result.
 */
const findSources = (
  references: References,
  { values, ifVersions }: Pick<EnvFile, 'values' | 'ifVersions'>,
): Sources => {
  const create: NewValue[] = [];
  const lines = new Map<Line, string>();
  const faults: Fault[] = [];
  for (const [name, first] of references.enc) {
    const { offset, isNext, key } = first;
    const given = values.get(name);
    const source = references.assignments.get(name);
    const literal = source && literalOf(source);
    if (given !== undefined && literal !== undefined && given !== literal) {
      faults.push({ offset, code: 'ambiguous_value', key });
    }
    const value = given ?? literal;
    if (value !== undefined) create.push({ name, value, isNext, ifVersion: ifVersions?.get(name) });
    else if (!references.unreadableKeys.has(name)) faults.push(...missing(first, source));
    if (source && literal !== undefined) lines.set(source.line, name);
  }
  for (const name of values.keys()) {
    if (!references.enc.has(name)) faults.push({ offset: 0, code: 'unused_value' });
  }
  return { create, lines, faults };
};

/** The value of an assignment without references. Escaped references in it lose their backslash. */
const literalOf = ({ line, candidates }: ScannedLine): string | undefined =>
  candidates.some(({ kind }) => kind !== 'text')
    ? undefined
    : partsOf(line.value.decoded, candidates, true).join('');

/** The fault for a missing value; none if the line has already been reported. */
const missing = (enc: FirstReference, source: ScannedLine | undefined): Fault[] => {
  const { offset, key } = enc;
  if (source === undefined) return [{ offset, code: 'unresolved_value', key }];
  const { candidates, line } = source;
  if (candidates.some(({ kind }) => kind === 'malformed')) return [];
  // The name is also the key of a line here, so it can be repeated.
  if (line.value.decoded === `enc(${writtenAs(enc)})`)
    return [{ offset, code: 'unresolved_value', key, name: line.key }];
  const first = candidates.find(({ kind }) => kind !== 'text');
  return [{ offset: first?.offset ?? offset, code: 'nested_reference', key: line.key }];
};

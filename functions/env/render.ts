/**
 * Renders the file of the reply. The result depends only on the plan and the bytes of the secrets that it reads, so
 * that a dry run and a repetition give the same result as the first run.
 *
 * All sizes are checked before anything of that size is built: a file of 256 KiB may name a secret of 64 KiB thirty
 * thousand times. The size of a reply is that of its body inside the function's result, where it is a JSON string.
 */
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { writerOf } from './dialects/dialect.ts';
import { byteOrderMark, errorsAt, type Fault, reportOf } from './faults.ts';
import { type Values, writeLine } from './lines.ts';
import { findPins, type Pin, withPins } from './pins.ts';
import type { Plan } from './plan.ts';
import { partsOf, writtenAs } from './references.ts';
import { jsonBytes, requireAtMost, utf8Bytes } from './sizes.ts';
import { type Warning, type WrittenLine, warningsOf } from './warnings.ts';

export type RenderedFile = {
  readonly content: string;
  readonly warnings: readonly Warning[];
  /** The submitted file with its references pinned, if requested. */
  readonly pinned?: string;
};

/**
 * `resolved` must hold every reference of `plan.read`, by its text. `reply` is the form of the reply: a JSON string
 * with lists and warnings, or only the file. `pinTo` requests the pinned file too, which needs JSON. `replyBytesMax`
 * limits the body inside the function's result. Throws `too_large`, or `invalid_env` with every line that cannot be
 * written.
 */
export const renderFile = (
  plan: Plan,
  resolved: ReadonlyMap<string, Uint8Array>,
  reply: 'json' | 'text',
  pinTo?: Versions,
  replyBytesMax: number = limits.replyBytesMax,
): RenderedFile => {
  requireValuesFit(plan, resolved);
  requireLinesFit(plan, resolved, replyBytesMax);
  const budget = replyBudget(plan, reply, replyBytesMax);
  const pins = pinTo && pinsOf(plan, pinTo);
  if (pins) spendPinned(plan, pins, budget);
  const written = writeLines(plan, decodeAll(plan, resolved), budget);
  const warnings = warningsOf(plan, written);
  if (reply === 'json') budget.spendJson(JSON.stringify(warnings).slice(1, -1));
  const { open, between, close } = frameOf(plan);
  const content = open + written.map(({ text }) => text).join(between) + close;
  return { content, warnings, ...(pins && { pinned: withPins(plan.content, pins) }) };
};

const frameOf = ({ dialect, file }: Plan) =>
  writerOf(dialect).frame ?? { open: file.bom ? byteOrderMark : '', between: '', close: '' };

const decodeAll = (plan: Plan, resolved: ReadonlyMap<string, Uint8Array>): Values => {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decode = (reference: string): string | undefined => {
    const bytes = resolved.get(reference);
    if (bytes === undefined) throw new VaultError('internal', 'a value to be rendered is missing');
    try {
      return utf8.decode(bytes);
    } catch {
      return undefined;
    }
  };
  const references = plan.read.map(writtenAs);
  return new Map(references.map((reference) => [reference, decode(reference)]));
};

/** All lines of the reply. Throws `invalid_env` with all errors in them. */
const writeLines = (plan: Plan, values: Values, budget: Budget): WrittenLine[] => {
  const written: WrittenLine[] = [];
  const faults: Fault[] = [];
  const { open, between, close } = frameOf(plan);
  budget.spendText(open + close);
  for (const planned of plan.lines) {
    const line = writeLine(plan, planned, values);
    if (line === undefined) continue;
    if ('code' in line) {
      faults.push(line);
      continue;
    }
    if (written.length > 0) budget.spendText(between);
    budget.spendText(line.text);
    written.push(line);
  }
  if (faults.length > 0) {
    throw new VaultError(
      'invalid_env',
      'the file cannot hold some of the values; nothing was stored',
      {
        properties: reportOf(errorsAt(plan.content, faults)),
      },
    );
  }
  return written;
};

/** Values by the text of their references. */
type Bytes = ReadonlyMap<string, Uint8Array>;

/** Counts the bytes of a growing reply. Throws `too_large` before the reply exceeds its limit. */
type Budget = {
  /** Counts a part of the file. */
  readonly spendText: (text: string) => void;
  /** Counts a part of the JSON around the file, as it is sent. */
  readonly spendJson: (json: string) => void;
};

/** In a `json` reply the file is a JSON string, with lists of created and resolved secrets. `limit` is in bytes. */
const replyBudget = (plan: Plan, reply: 'json' | 'text', limit: number): Budget => {
  let spent = 0;
  const spend = (bytes: number): void => {
    spent += bytes;
    requireAtMost(spent, limit);
  };
  const spendJson = (json: string): void => spend(jsonBytes(json));
  if (reply === 'json') spendJson(surroundings(plan));
  const depth = reply === 'json' ? 2 : 1;
  return { spendText: (text) => spend(jsonBytes(text, depth)), spendJson };
};

/** Throws `too_large` if all values that the file stores or reads exceed their common limit. */
const requireValuesFit = ({ create, read }: Plan, resolved: Bytes): void => {
  let bytes = 0;
  for (const { value } of create) bytes += utf8Bytes(value);
  for (const reference of read) bytes += resolved.get(writtenAs(reference))?.length ?? 0;
  requireAtMost(bytes, limits.fileValuesBytesMax);
};

/** Throws `too_large` if the resolved values alone exceed `limit`, in bytes. Their spellings are at least as long. */
const requireLinesFit = (plan: Plan, resolved: Bytes, limit: number): void => {
  let bytes = 0;
  for (const { line, candidates, treatment } of plan.lines) {
    if (treatment !== 'write' || line.kind !== 'assignment') continue;
    for (const part of partsOf(line.value.decoded, candidates, plan.final)) {
      if (typeof part === 'string') bytes += part.length;
      else if (part.kind === 'secret') bytes += resolved.get(writtenAs(part))?.length ?? 0;
    }
  }
  requireAtMost(bytes, limit);
};

/** The JSON around the file with the longest versions and a tag, none of which is known here. */
const surroundings = ({ create, read }: Plan): string => {
  const created = create.map(({ name }) => ({ name, version: limits.versionMax }));
  const resolved = read.map(({ name, version = limits.versionMax }) => ({ name, version }));
  return JSON.stringify({ content: '', created, resolved, warnings: [], tag: 't'.repeat(43) });
};

/** The version that each reference stands for, by the text of the reference. */
type Versions = ReadonlyMap<string, { readonly version: number }>;

/** The pins of a file. `versions` must hold every unpinned reference of the plan. Pinned references stay. */
const pinsOf = ({ lines }: Plan, versions: Versions): Pin[] =>
  findPins(lines, ({ name, version }) => {
    if (version !== undefined) return undefined;
    const used = versions.get(name);
    if (!used) throw new VaultError('internal', 'a version to be pinned to is missing');
    return used.version;
  });

/**
 * Counts the pinned file in the budget of its reply, which is JSON. Throws `too_large` if the pinned file would exceed
 * the limit of a file, because the caller could not submit it.
 */
const spendPinned = ({ content }: Plan, pins: readonly Pin[], budget: Budget): void => {
  const added = pins.map(({ text }) => text).join('');
  requireAtMost(utf8Bytes(content) + added.length, limits.fileBytesMax);
  budget.spendJson(',"pinned":""');
  budget.spendText(content);
  budget.spendText(added);
};

/**
 * Renders the file of the reply. The result depends only on the plan and the values, so a dry run
 * and a repetition give the same reply as the first run. Sizes are checked before a text is built,
 * because 256 KiB can name a secret of 64 KiB thirty thousand times. The body of a reply counts as
 * a JSON string inside the function's result.
 */
import { ApiError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { decodeUtf8 } from '../model/types.ts';
import { writerOf } from './dialects/dialect.ts';
import { byteOrderMark, errorsAt, type Fault, reportOf } from './faults.ts';
import { type Values, writeLine } from './lines.ts';
import { findPins, type Pin, replaceParts } from './pins.ts';
import type { Plan } from './plan.ts';
import { partsOf, writtenAs } from './references.ts';
import { jsonBytes, requireAtMost, utf8Bytes } from './sizes.ts';
import { type Warning, type WrittenLine, warningsOf } from './warnings.ts';

export type RenderedFile = {
  readonly content: string;
  readonly warnings: readonly Warning[];
  /** The submitted file with its references pinned to versions, if the request asks for it. */
  readonly pinned?: string;
};

/**
 * Renders the reply for a plan. `resolved` must have the value of every reference of `plan.read`,
 * by its text. A `json` reply also has the warnings and the lists of created and resolved versions,
 * a `text` reply only the file. `pinTo` requests the pinned file, which needs a JSON reply. Throws
 * `too_large`, or `invalid_env` with every line that cannot be written.
 */
export const renderFile = (
  plan: Plan,
  resolved: ReadonlyMap<string, Uint8Array>,
  reply: 'json' | 'text',
  pinTo?: Versions,
  replyBytesMax: number = limits.replyBytesMax,
): RenderedFile => {
  requireLinesFit(plan, resolved, replyBytesMax);
  const budget = replyBudget(plan, reply, replyBytesMax);
  const pins = pinTo && pinsOf(plan, pinTo);
  if (pins) spendPinned(plan, pins, budget);
  const written = writeLines(plan, decodeAll(plan, resolved), budget);
  const warnings = warningsOf(plan, written);
  if (reply === 'json') budget.spendJson(JSON.stringify(warnings).slice(1, -1));
  const { open, between, close } = frameOf(plan);
  const content = open + written.map(({ text }) => text).join(between) + close;
  return { content, warnings, ...(pins && { pinned: replaceParts(plan.content, pins) }) };
};

const frameOf = ({ dialect, file }: Plan) =>
  writerOf(dialect).frame ?? { open: file.bom ? byteOrderMark : '', between: '', close: '' };

const decodeAll = (plan: Plan, resolved: ReadonlyMap<string, Uint8Array>): Values => {
  const decode = (reference: string): string | undefined => {
    const bytes = resolved.get(reference);
    if (bytes === undefined) throw new ApiError('internal', 'a value to be rendered is missing');
    return decodeUtf8(bytes);
  };
  const references = plan.read.map(writtenAs);
  return new Map(references.map((reference) => [reference, decode(reference)]));
};

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
    const unstored = plan.create.length > 0 ? '; nothing was stored' : '';
    const sentence = `some values cannot be written in this dialect${unstored}`;
    const properties = reportOf(errorsAt(plan.content, faults));
    throw new ApiError('invalid_env', sentence, { properties });
  }
  return written;
};

/** The whole reply is not known when it becomes too large. */
const replyOf = (bytes: number): string => `the file needs a reply of at least ${bytes} bytes`;

/** Values by the text of their references. */
type Bytes = ReadonlyMap<string, Uint8Array>;

/**
 * Counts the bytes of a growing reply: the file and the JSON around it. Throws `too_large` before
 * it becomes too large.
 */
type Budget = {
  readonly spendText: (text: string) => void;
  readonly spendJson: (json: string) => void;
};

const replyBudget = (plan: Plan, reply: 'json' | 'text', limit: number): Budget => {
  let spent = 0;
  const spend = (bytes: number): void => {
    spent += bytes;
    requireAtMost(spent, limit, replyOf);
  };
  const spendJson = (json: string): void => spend(jsonBytes(json));
  if (reply === 'json') spendJson(surroundings(plan));
  const depth = reply === 'json' ? 2 : 1;
  return { spendText: (text) => spend(jsonBytes(text, depth)), spendJson };
};

/**
 * Throws `too_large` if the values of the lines alone exceed `limit` bytes. Quotes and escapes only
 * make them longer, so a file that fails here need not be rendered.
 */
const requireLinesFit = (plan: Plan, resolved: Bytes, limit: number): void => {
  let bytes = 0;
  for (const { line, candidates, treatment } of plan.lines) {
    if (treatment !== 'write' || line.kind !== 'assignment') continue;
    for (const part of partsOf(line.value.decoded, candidates, plan.final)) {
      if (typeof part === 'string') bytes += part.length;
      else if (part.kind === 'secret') bytes += resolved.get(writtenAs(part))?.length ?? 0;
    }
  }
  requireAtMost(bytes, limit, replyOf);
};

/**
 * The JSON of the reply without the file, to count its size before the write. Versions, anchors and
 * the tag are not known yet, so the longest possible ones stand in for them.
 */
const surroundings = ({ create, read }: Plan): string => {
  const anchor = 'a'.repeat(8);
  const created = create.map(({ name }) => ({ name, version: limits.versionMax, anchor }));
  const resolved = read.map(({ name, version = limits.versionMax }) => ({ name, version, anchor }));
  return JSON.stringify({ content: '', created, resolved, warnings: [], tag: 't'.repeat(43) });
};

/** The version that each reference stands for, by the text of the reference. */
type Versions = ReadonlyMap<string, { readonly version: number }>;

const pinsOf = ({ lines }: Plan, versions: Versions): Pin[] =>
  findPins(lines, ({ name, version }) => {
    if (version !== undefined) return undefined;
    const used = versions.get(name);
    if (!used) throw new ApiError('internal', 'a version to be pinned to is missing');
    return { version: used.version };
  });

/**
 * Counts the pinned file as a part of the reply. Throws `too_large` also if that file exceeds the
 * limit for files, because the caller could not submit it.
 */
const spendPinned = ({ content }: Plan, pins: readonly Pin[], budget: Budget): void => {
  const added = pins.map(({ text }) => text).join('');
  requireAtMost(
    utf8Bytes(content) + added.length,
    limits.fileBytesMax,
    (size) => `the file with its pins has ${size} bytes`,
  );
  budget.spendJson(',"pinned":""');
  budget.spendText(content);
  budget.spendText(added);
};

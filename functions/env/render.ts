/**
 * Renders the file of the reply. The result depends only on the plan and the bytes of the secrets that it reads, so
 * that a dry run and a repetition give the same result as the first run.
 */
import { VaultError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { writtenAs } from './candidates.ts';
import { writerOf } from './dialects/dialect.ts';
import { type Values, writeLine } from './lines.ts';
import { findPins, spendPinned, type Versions, withPins } from './pins.ts';
import { byteOrderMark, errorsAt, type Fault, reportOf } from './places.ts';
import type { Plan } from './references.ts';
import { type Budget, replyBudget, requireLinesFit, requireValuesFit } from './reply-size.ts';
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
  const pins = pinTo && findPins(plan, pinTo);
  if (pins) spendPinned(plan, pins, budget);
  const written = writeLines(plan, decodeAll(plan, resolved), budget);
  const warnings = warningsOf(plan, written);
  if (reply === 'json') budget.spendJson(JSON.stringify(warnings).slice(1, -1));
  const { open, between, close } = frameOf(plan);
  const content = open + written.map(({ text }) => text).join(between) + close;
  return { content, warnings, ...(pins && { pinned: withPins(plan, pins) }) };
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
        members: reportOf(errorsAt(plan.content, faults)),
      },
    );
  }
  return written;
};

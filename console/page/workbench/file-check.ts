/** Checks a file in the page with the vault's own code, before the vault sees the file. */

import type { Dialect } from '../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../functions/env/grammar.ts';
import { type Plan, planFile } from '../../../functions/env/plan.ts';
import { type References, scanFile, writtenAs } from '../../../functions/env/references.ts';
import { VaultError } from '../../../functions/model/errors.ts';
import type { FileError } from '../../../system/problem-report.ts';

/** The action on a file: store what `enc()` names, put values in the place of `secret()`, or both. */
export type Mode = 'encrypt' | 'expand' | 'submit';

export type CheckInput = {
  readonly content: string;
  /** Values that a person has typed, by the names of `enc()`. The check drops values that the file does not need. */
  readonly values: ReadonlyMap<string, string>;
  readonly dialect: Dialect;
  /** `undefined`: `encrypt` for a file with an `enc()`, else `expand`. */
  readonly mode: Mode | undefined;
};

export type Check = {
  readonly mode: Mode;
  readonly references: References;
  /** The names of `enc()` whose values a person must give. */
  readonly needed: readonly string[];
  /** The values that are sent. */
  readonly values: ReadonlyMap<string, string>;
  /** Absent if the vault would refuse the file before it looks names up. */
  readonly plan?: Plan;
  readonly faults: readonly FileError[];
  readonly faultsTotal: number;
  /** Why the whole file would be refused. */
  readonly refusal?: string;
};

/** Checks a file as the vault would. The largest file takes some hundred milliseconds. */
export const checkFile = (input: CheckInput): Check => {
  const { content, dialect } = input;
  const references = scanFile(parseFile(content));
  const mode = input.mode ?? (references.enc.size > 0 ? 'encrypt' : 'expand');
  const needed = mode === 'expand' ? [] : namesWithoutValue(references);
  const values = new Map([...input.values].filter(([name]) => needed.includes(name)));
  return { mode, references, needed, values, ...planned({ content, values, dialect, mode }) };
};

const planned = (
  file: Parameters<typeof planFile>[0],
): Pick<Check, 'plan' | 'faults' | 'faultsTotal' | 'refusal'> => {
  try {
    return { plan: planFile(file), faults: [], faultsTotal: 0 };
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const { errors: faults = [], errorsTotal: faultsTotal = 0, limit } = error.properties;
    if (faults.length > 0) return { faults, faultsTotal };
    const most = limit === undefined ? '' : `; the limit is ${limit}`;
    return { faults, faultsTotal, refusal: `${error.message}${most}` };
  }
};

/** The names of `enc()` whose values the file does not hold. */
const namesWithoutValue = ({ enc, assignments, unreadableKeys }: References): string[] =>
  [...enc].flatMap(([name, first]) => {
    const own = assignments.get(name);
    const isNeeded = own
      ? own.line.value.decoded === `enc(${writtenAs(first)})`
      : !unreadableKeys.has(name);
    return isNeeded ? [name] : [];
  });

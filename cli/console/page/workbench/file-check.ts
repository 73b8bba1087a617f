/** Checks a file in the page with the vault's own code, before the file is sent. */

import type { Adoption } from '../../../../functions/env/adoption.ts';
import type { Dialect } from '../../../../functions/env/dialects/dialect.ts';
import { parseFile } from '../../../../functions/env/grammar.ts';
import { type Plan, planFile } from '../../../../functions/env/plan.ts';
import { type References, scanFile, writtenAs } from '../../../../functions/env/references.ts';
import { VaultError } from '../../../../functions/model/errors.ts';
import type { FileError } from '../../../../system/problem-report.ts';
import { type AdoptChoices, firstAdoptChoices, isAdoptable, planValues } from './adopting.ts';

/**
 * What to do with a file. `adopt` stores its plain values, `encrypt` stores the values for its
 * `enc()`, `expand` replaces each `secret()` with its value, and `submit` does what `encrypt` and
 * `expand` do.
 */
export type Mode = 'adopt' | EnvMode;
export type EnvMode = 'encrypt' | 'expand' | 'submit';

export type CheckInput = {
  readonly content: string;
  /**
   * Values that a person has typed, by the names in `enc()`. Values that the file does not need are
   * ignored.
   */
  readonly values: ReadonlyMap<string, string>;
  readonly dialect: Dialect;
  /**
   * What the person chose to do. If `undefined`, the check chooses: by the file's references or,
   * for a file without references, by whether its values look like secrets.
   */
  readonly mode: Mode | undefined;
  readonly adopting?: AdoptChoices;
};

export type Check = {
  readonly mode: Mode;
  readonly references: References;
  /** The names in `enc()` whose values a person must type. */
  readonly needed: readonly string[];
  /** The typed values to send to the vault. */
  readonly values: ReadonlyMap<string, string>;
  /**
   * What the vault would do with the file. Absent in the mode `adopt`, and if the vault would
   * refuse the file even before it looks up any names.
   */
  readonly plan?: Plan;
  readonly adoption?: Adoption;
  readonly faults: readonly FileError[];
  readonly faultsTotal: number;
  /** Why the vault would refuse the whole file. */
  readonly refusal?: string;
};

/** Checks a file as the vault would. The largest file takes a few hundred milliseconds. */
export const checkFile = (input: CheckInput): Check => {
  const { content, dialect } = input;
  const references = scanFile(parseFile(content));
  const mode = input.mode ?? modeFor(references, input);
  if (mode === 'adopt') {
    const { adoption, refusal } = planValues(content, dialect, input.adopting ?? firstAdoptChoices);
    const faults = adoption?.errors ?? [];
    return {
      ...{ mode, references, needed: [], values: new Map(), faults, faultsTotal: faults.length },
      ...(adoption && { adoption }),
      ...(refusal && { refusal }),
    };
  }
  const needed = mode === 'expand' ? [] : namesWithoutValue(references);
  const values = new Map([...input.values].filter(([name]) => needed.includes(name)));
  return { mode, references, needed, values, ...planned({ content, values, dialect, mode }) };
};

const modeFor = ({ enc, secret }: References, { content, dialect }: CheckInput): Mode => {
  if (enc.size > 0) return 'encrypt';
  return secret.size === 0 && isAdoptable(content, dialect) ? 'adopt' : 'expand';
};

const planned = (
  file: Parameters<typeof planFile>[0],
): Pick<Check, 'plan' | 'faults' | 'faultsTotal' | 'refusal'> => {
  try {
    return { plan: planFile(file), faults: [], faultsTotal: 0 };
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const { errors: faults = [], errorsTotal: faultsTotal = 0 } = error.properties;
    if (faults.length > 0) return { faults, faultsTotal };
    return { faults, faultsTotal, refusal: error.message };
  }
};

/** The names in `enc()` whose values are not in the file. */
const namesWithoutValue = ({ enc, assignments, unreadableKeys }: References): string[] =>
  [...enc].flatMap(([name, first]) => {
    const own = assignments.get(name);
    const isNeeded = own
      ? own.line.value.decoded === `enc(${writtenAs(first)})`
      : !unreadableKeys.has(name);
    return isNeeded ? [name] : [];
  });

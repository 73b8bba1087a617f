/** Plans which plain values of the file become secrets, with the code of `dsvault env adopt`. */

import {
  type Adoption,
  assignedKeys,
  planAdoption,
  proposeKeys,
} from '../../../../functions/env/adoption.ts';
import { type Dialect, isTextDialect } from '../../../../functions/env/dialects/dialect.ts';
import { VaultError } from '../../../../functions/model/errors.ts';
import { isSecretName } from '../../../../functions/model/types.ts';

/** A person's choices for the plain values of a file. */
export type AdoptChoices = {
  /** The beginning of the name of each secret. */
  readonly prefix: string;
  /**
   * The keys that a person ticked or unticked. Any other key is stored if its value looks like a
   * secret.
   */
  readonly ticked: ReadonlyMap<string, boolean>;
};

export const firstAdoptChoices: AdoptChoices = { prefix: '', ticked: new Map() };

/**
 * Whether to propose adoption for a file without references: some of its values look like secrets,
 * and files of this dialect can contain references.
 */
export const isAdoptable = (content: string, dialect: Dialect): boolean =>
  isTextDialect(dialect) && proposeKeys(content).length > 0;

/**
 * Plans which values of the file become secrets, and the new text of the file. Returns the reason
 * instead if the whole file is refused.
 */
export const planValues = (
  content: string,
  dialect: Dialect,
  { prefix, ticked }: AdoptChoices,
): { readonly adoption?: Adoption; readonly refusal?: string } => {
  if (!isTextDialect(dialect)) {
    return { refusal: 'JSON cannot hold references, so choose the program that reads the file' };
  }
  const proposed = new Set(proposeKeys(content));
  const keys = [...assignedKeys(content)].filter((key) => ticked.get(key) ?? proposed.has(key));
  const nameOf = (key: string) => `${prefix}${key}`;
  if (keys.some((key) => !isSecretName(nameOf(key)))) {
    return {
      refusal:
        'the prefix would make an invalid name: a name starts with a letter or _, then has letters, digits, _ . or -',
    };
  }
  try {
    return { adoption: planAdoption(content, { keys, nameOf, dialect }) };
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return { refusal: error.message };
  }
};

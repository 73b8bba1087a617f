/** Reads `.env` files by the grammar of the vault, without a request to it. */
import { VaultError } from '../../functions/model/errors.ts';
import { failure, invalidFile } from '../../system/program-failures.ts';

/** Plans a file as the vault would, and throws its errors with the name of the file. */
export const planOrFail = <Result>(file: string, plan: () => Result): Result => {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const { errors = [], errorsTotal = errors.length } = error.properties;
    if (errors.length > 0) throw invalidFile({ errors, errorsTotal }, file);
    throw failure('invalidFile', error.message);
  }
};

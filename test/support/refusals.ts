/** The one error class as a test sees it: what a call was refused with. */
import { type ErrorCode, VaultError } from '../../functions/model/errors.ts';

/** The `VaultError` that `call` throws; anything else that happens is thrown on. */
export const refusalOf = async (call: () => unknown): Promise<VaultError> => {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    if (error instanceof VaultError) return error;
    throw error;
  }
  throw new Error(`expected a refusal, but got ${typeof result}`);
};

export const codeOf = async (call: () => unknown): Promise<ErrorCode> =>
  (await refusalOf(call)).code;

/** The vault's one error class as tests see it. */
import { type ErrorCode, VaultError } from '../../functions/model/errors.ts';

/** The `VaultError` that `call` throws. Anything else that happens is rethrown. */
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

/** The code of the `VaultError` that `call` throws, and the field that it names. */
export const fieldOf = async (call: () => unknown): Promise<string> => {
  const { code, properties } = await refusalOf(call);
  return `${code} ${properties.field}`;
};

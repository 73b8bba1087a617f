/** Catches `ApiError`, the only class of errors that the vault throws on purpose. */
import { ApiError, type ErrorCode } from '../../functions/model/errors.ts';

/**
 * Returns the `ApiError` that `call` throws. Rethrows any other error, and throws if there is
 * none.
 */
export const refusalOf = async (call: () => unknown): Promise<ApiError> => {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error(`expected a refusal, but got ${typeof result}`);
};

export const codeOf = async (call: () => unknown): Promise<ErrorCode> =>
  (await refusalOf(call)).code;

/**
 * Returns the code of the `ApiError` that `call` throws and, after a blank, the name of the field
 * that the error is about.
 */
export const fieldOf = async (call: () => unknown): Promise<string> => {
  const { code, properties } = await refusalOf(call);
  return `${code} ${properties.field}`;
};

/**
 * Returns the code of the `ApiError` that `call` throws, followed by line, code and name of each
 * error in the file.
 */
export const reportOf = async (call: () => unknown): Promise<readonly string[]> => {
  const { code, properties } = await refusalOf(call);
  const errors = properties.errors ?? [];
  return [code, ...errors.map((error) => `${error.line} ${error.code} ${error.name}`)];
};

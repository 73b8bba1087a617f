/** Parses `.env` files with the grammar of the vault, and says what is wrong with them. */
import type { BodyOf, ReplyOf } from '../../client/types.ts';
import { parseFile } from '../../functions/env/grammar.ts';
import { type EnvFile, type Plan, planFile } from '../../functions/env/plan.ts';
import { scanFile } from '../../functions/env/references.ts';
import { ApiError } from '../../functions/model/errors.ts';
import { type Failure, failure, isFailure, refusal } from '../../system/failures.ts';
import type { FileError } from '../../system/problem-report.ts';
import type { Session } from '../requests/vault-client.ts';

const expansion = { values: new Map(), dialect: 'json', mode: 'expand' } as const;

/**
 * Plans a file as the vault would, by default for expanding it. Throws its errors with the name of
 * the file.
 */
export const planOrFail = (
  file: string,
  content: string,
  how: Omit<EnvFile, 'content'> = expansion,
): Plan => {
  try {
    return planFile({ content, ...how });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { errors = [], errorsTotal = errors.length } = error.properties;
    if (errors.length > 0) throw invalidFile({ errors, errorsTotal }, file);
    throw failure(error.message, { kind: 'invalidFile' });
  }
};

/** The failure for errors of a file that `dsvault` found, in the format of the server's problem. */
export const invalidFile = (
  { errors, errorsTotal }: { readonly errors: readonly FileError[]; readonly errorsTotal: number },
  file: string,
): Failure =>
  refusal({ code: 'invalid_env', detail: 'the file has errors', errors, errorsTotal }, file);

/** Runs `action`, and adds the name of the file to its failure. */
export const ofFile = async <Result>(
  file: string,
  action: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    throw isFailure(error) ? Object.assign(error, { file }) : error;
  }
};

/**
 * Has the vault store the values for the `enc()` of a file. If the vault reports a malformed
 * reference and `dsvault` finds none in the file, the vault is an older release than this
 * `dsvault`, and the failure says to upgrade it.
 */
export const submitFile = async (
  { client }: Session,
  operation: 'encrypt-env' | 'submit-env',
  body: BodyOf<'encrypt-env'>,
): Promise<ReplyOf<'encrypt-env'>> => {
  try {
    return await client(operation, { body });
  } catch (error) {
    const { errors = [] } = isFailure(error) ? error.report : {};
    const { lines } = scanFile(parseFile(body.content));
    const isFound = lines.some(({ candidates }) =>
      candidates.some(({ kind }) => kind === 'malformed'),
    );
    if (isFound || !errors.some(({ code }) => code === 'malformed_reference')) throw error;
    const sentence =
      'the vault knows no enc(NAME@next): upgrade the vault to the release of this program';
    throw failure(sentence, { kind: 'invalidFile', cause: error });
  }
};

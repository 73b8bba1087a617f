/** The variables of an expanded file. */
import { parseFile } from '../functions/env/grammar.ts';
import { failure } from './failures.ts';

/**
 * The variables of a file that the vault expanded in the dialect `json`. Throws if the answer names one that the file
 * does not have, because no vault may set `LD_PRELOAD` for a program, or write more than values to `GITHUB_ENV`.
 */
export const ownVariables = (content: string, answer: string): ReadonlyMap<string, string> => {
  const variables = new Map(Object.entries<string>(JSON.parse(answer)));
  const { lines } = parseFile(content);
  const own = new Set(lines.map((line) => (line.kind === 'assignment' ? line.key : undefined)));
  if ([...variables.keys()].every((key) => own.has(key))) return variables;
  throw failure('the vault answered with variables that the file does not have');
};

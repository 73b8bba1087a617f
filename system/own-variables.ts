/** The variables of a file that the vault expanded, checked before a program has them. */
import { parseFile } from '../functions/env/grammar.ts';
import { failure } from './failures.ts';

/**
 * Reads the vault's answer in the dialect `json`. Throws if it has a variable that the file does not have: no
 * vault may set `LD_PRELOAD` for a program, or write more than values to `GITHUB_ENV`.
 */
export const ownVariables = (content: string, answer: string): ReadonlyMap<string, string> => {
  const variables = new Map(Object.entries<string>(JSON.parse(answer)));
  const { lines } = parseFile(content);
  const own = new Set(lines.map((line) => (line.kind === 'assignment' ? line.key : undefined)));
  if ([...variables.keys()].every((key) => own.has(key))) return variables;
  throw failure('the vault answered with variables that the file does not have');
};

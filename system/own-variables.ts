/** Checks the variables of a file that the vault has expanded, before a program gets them. */
import { parseFile } from '../functions/env/grammar.ts';
import { failure } from './failures.ts';

/**
 * Parses the vault's answer in the dialect `json`. Throws if it has a variable that is not in the
 * file: a vault must not be able to set `LD_PRELOAD` for a program, or to write anything but values
 * to `GITHUB_ENV`.
 */
export const ownVariables = (content: string, answer: string): ReadonlyMap<string, string> => {
  const variables = new Map(Object.entries<string>(JSON.parse(answer)));
  const { lines } = parseFile(content);
  const own = new Set(lines.map((line) => (line.kind === 'assignment' ? line.key : undefined)));
  if ([...variables.keys()].every((key) => own.has(key))) return variables;
  throw failure('the vault answered with variables that the file does not have');
};

/**
 * The GitHub Action of the vault: it logs in with the token that GitHub signs for the job, expands
 * a `.env` file, masks what came from the vault, and then exports the variables to later steps or
 * runs a script with them.
 */

import { createClient, isVaultError } from '../client/index.ts';
import { parseFile } from '../functions/env/grammar.ts';
import { defectLines, exitCodes, failureOf, isFailure } from '../system/failures.ts';
import { fileSentence } from '../system/file-sentences.ts';
import { errorCommand, give, maskCommands, type Position } from './commands.ts';
import { expandFile } from './expansion.ts';
import { addEntries, reasonAgainst } from './exports.ts';
import { requestIdToken } from './id-token.ts';
import { type Inputs, readInputs } from './inputs.ts';
import { runScript } from './script.ts';

const run = async (inputs: Inputs): Promise<number> => {
  const token = await requestIdToken(inputs.audience);
  await give(maskCommands([token]));
  const client = createClient({ addr: inputs.addr, token });
  const { variables, secrets, versions } = await expandFile(client, inputs.content);
  // The runner masks a text only after it has read the command, so the masks are printed first.
  await give(maskCommands(secrets));
  const faults = faultsOf(inputs, variables);
  for (const { sentence, line } of faults) await annotate(inputs.file, sentence, { line });
  if (faults.length > 0) return exitCodes.invalidFile;
  addEntries('GITHUB_OUTPUT', new Map([['versions', JSON.stringify(versions)]]));
  if (inputs.exports) addEntries('GITHUB_ENV', variables);
  return inputs.script === undefined ? exitCodes.ok : await runScript(inputs.script, variables);
};

/**
 * Finds variables that cannot be set or must not be exported. A single one causes the whole file to
 * be refused.
 */
const faultsOf = ({ content, exports }: Inputs, variables: ReadonlyMap<string, string>) => {
  const lines = parseFile(content).lines.filter((line) => line.kind === 'assignment');
  return lines.flatMap(({ key, line }) => {
    const reason = exports ? reasonAgainst(key) : undefined;
    if (reason !== undefined) return [{ line, sentence: `${key} is not exported: ${reason}` }];
    // A NUL is checked for here, because the system's error about it would quote the value.
    const isUnusable = variables.get(key)?.includes('\0');
    return isUnusable
      ? [{ line, sentence: `the value of ${key} contains a NUL, which no variable can` }]
      : [];
  });
};

/**
 * Prints an error with a position in the `.env` file. If the content was an input, there is no
 * path, only a line.
 */
const annotate = (file: string | undefined, sentence: string, position: Position): Promise<void> =>
  file === undefined
    ? give(errorCommand(`content, line ${position.line}: ${sentence}`))
    : give(errorCommand(sentence, { file, ...position }));

const report = async (error: unknown, file: string | undefined): Promise<number> => {
  const failed = isVaultError(error) ? failureOf(error) : error;
  if (!isFailure(failed)) {
    await give(errorCommand(defectLines('the action', error).join('\n')));
    return exitCodes.other;
  }
  const { message, exitCode, report: document } = failed;
  for (const fault of document.errors ?? []) {
    const { line, column } = fault;
    await annotate(file, fileSentence(fault), { line, col: column });
  }
  await give(errorCommand(`${message} (${document.code})`));
  return exitCode;
};

let file: string | undefined;
try {
  const inputs = readInputs();
  file = inputs.file;
  process.exitCode = await run(inputs);
} catch (error) {
  process.exitCode = await report(error, file);
}

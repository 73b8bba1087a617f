/** The inputs of the action. The runner passes each as a variable. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { isConfidential } from '../system/address.ts';
import { variable } from '../system/environment.ts';
import { systemCodeOf, usage } from '../system/failures.ts';
import { readAddr } from '../system/vault-address.ts';

export type Inputs = {
  readonly addr: string;
  readonly audience: string;
  /** The text of the `.env` file, and its path in the workspace if it has one. */
  readonly content: string;
  readonly file: string | undefined;
  readonly script: string | undefined;
  readonly exports: boolean;
};

/** Reads the inputs and the file. Throws a failure that names the wrong input. */
export const readInputs = (): Inputs => {
  const [address, file, content, script] = ['addr', 'env-file', 'content', 'run'].map(input);
  if (address === undefined) throw usage('the input addr is missing: the address of the vault');
  const addr = readAddr(address);
  if (!isConfidential(new URL(addr))) {
    throw usage('the address of the vault is not https://, so others could read the token');
  }
  if (file !== undefined && content !== undefined)
    throw usage('give env-file or content, not both');
  const exports = isTrue('export');
  if (script === undefined && !exports) throw usage('nothing to do: give run, or export: true');
  return {
    addr,
    audience: input('audience') ?? address,
    ...(content === undefined ? readEnvFile(file ?? '.env') : { content, file: undefined }),
    script,
    exports,
  };
};

/**
 * An empty input counts as missing, because the runner passes one for an expression without a
 * value.
 */
const input = (name: string): string | undefined => variable(`INPUT_${name.toUpperCase()}`);

const isTrue = (name: string): boolean => {
  const text = input(name)?.toLowerCase() ?? 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw usage(`the input ${name} is true or false`);
};

const readEnvFile = (file: string) => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw usage(`cannot read the file ${file} (${systemCodeOf(error)})`, error);
  }
  if (!isUtf8(bytes)) throw usage(`the file ${file} is not UTF-8`);
  return { content: bytes.toString('utf8'), file };
};

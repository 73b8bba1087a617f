/** Reads those values for the `enc()` of a file that are not in the file itself. */
import { parseFile } from '../../functions/env/grammar.ts';
import { scanFile, writtenAs } from '../../functions/env/references.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { variable } from '../../system/environment.ts';
import { usage } from '../../system/failures.ts';
import { generateText } from '../values/generate.ts';
import { askTwice, exactText, readText } from '../values/read-value.ts';

/** Collects the values of an option that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

export const valueOptions = {
  file: ['--value-file <name=file>', 'the value for an enc() (repeatable)', collect],
  fromEnv: ['--values-from-env', 'values for each enc() from the variables of these names'],
} as const;

type ValuesFlags = {
  readonly valueFile?: readonly string[] | undefined;
  readonly valuesFromEnv?: true | undefined;
  readonly generate?: string | undefined;
  readonly alphabet?: string | undefined;
  readonly prompt?: true | undefined;
};

/**
 * Reads the value for each `enc()` of a file. `--value-file` takes precedence over a variable of
 * the same name. `--generate` and `--prompt` supply only the values that neither of them gave.
 */
export const readValues = async (
  content: string,
  { valueFile = [], valuesFromEnv, generate, alphabet, prompt }: ValuesFlags,
): Promise<ReadonlyMap<string, string>> => {
  const values = new Map<string, string>();
  if (valuesFromEnv) {
    for (const name of scanFile(parseFile(content)).enc.keys()) {
      const value = variable(name);
      if (value !== undefined) values.set(name, exactText(value, `the variable ${name}`));
    }
  }
  for (const given of valueFile) {
    const [, name = '', file = ''] = /^([^=]*)=(.+)$/s.exec(given) ?? [];
    if (!isSecretName(name)) throw usage('--value-file is NAME=FILE');
    const value = await readText(file, `the value for ${name}`);
    if (value === '') throw usage(emptyValue(name));
    values.set(name, value);
  }
  if (generate !== undefined && prompt) throw usage('give --generate or --prompt');
  if (generate === undefined && alphabet !== undefined) {
    throw usage('--alphabet belongs to --generate');
  }
  for (const name of generate !== undefined || prompt ? namesWithout(values, content) : []) {
    const value = generate === undefined ? await askTwice(name) : generateText(generate, alphabet);
    if (value === '') throw usage(emptyValue(name));
    values.set(name, value);
  }
  return values;
};

const emptyValue = (name: string): string =>
  `the value for ${name} is empty: a line ${name}= gives an empty one`;

/** The names in `enc()` that have a value neither in `values` nor on their line of the file. */
const namesWithout = (values: ReadonlyMap<string, string>, content: string): readonly string[] => {
  const { enc, assignments, unreadableKeys } = scanFile(parseFile(content));
  return [...enc].flatMap(([name, first]) => {
    const line = assignments.get(name)?.line;
    const isOpen = line === undefined || line.value.decoded === `enc(${writtenAs(first)})`;
    return isOpen && !values.has(name) && !unreadableKeys.has(name) ? [name] : [];
  });
};

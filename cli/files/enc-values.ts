/** Reads values for the `enc()` of a file that are not in the file itself. */
import { parseFile } from '../../functions/env/grammar.ts';
import { scanFile } from '../../functions/env/references.ts';
import { isSecretName } from '../../functions/model/types.ts';
import { variable } from '../../system/environment.ts';
import { usage } from '../../system/failures.ts';
import { exactText, readText } from '../values/read-value.ts';

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
};

/** Reads the values. A file for a name takes precedence over a variable of that name. */
export const readValues = async (
  content: string,
  { valueFile = [], valuesFromEnv }: ValuesFlags,
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
    if (value === '')
      throw usage(`the value for ${name} is empty: a line ${name}= gives an empty one`);
    values.set(name, value);
  }
  return values;
};

import { dialectNames, isDialect } from '../../functions/env/dialects/dialect.ts';
import { usage } from '../../system/failures.ts';
import { readValues, valueOptions } from '../files/enc-values.ts';
import { planOrFail } from '../files/file-failures.ts';
import { note, printJson } from '../output/output.ts';
import { readText } from '../values/read-value.ts';
import { offlineCommand } from './command-line.ts';

export const lintCommand = () =>
  offlineCommand(
    'lint',
    'check a file as the vault would, without a request',
    'dsvault env lint .env',
    'dsvault env lint .env --for expand --dialect docker',
  )
    .argument('<file>', 'the file; - is stdin')
    .option('--for <command>', 'the command it is meant for: encrypt, expand or submit', 'submit')
    .option('--dialect <name>', `the program that reads the result: ${dialectNames}`, 'shell')
    .option(...valueOptions.file)
    .option(...valueOptions.fromEnv)
    .action(async (file, { for: mode, dialect, json, ...flags }) => {
      if (mode !== 'encrypt' && mode !== 'expand' && mode !== 'submit') {
        throw usage('--for is encrypt, expand or submit');
      }
      if (!isDialect(dialect)) throw usage(`--dialect is one of ${dialectNames}`);
      const content = await readText(file);
      const values = await readValues(content, flags);
      const plan = planOrFail(file, content, { values, dialect, mode });
      const stored = (isNext: true | undefined) =>
        plan.create.flatMap((value) => (value.isNext === isNext ? value.name : []));
      const [create, update] = [stored(undefined), stored(true)];
      const read = [...new Set(plan.read.map(({ name }) => name))];
      if (json) return await printJson({ create, update, read });
      const counts = `to create: ${create.length}, to update: ${update.length}, to read: ${read.length}`;
      note(`${file}: no errors; secrets ${counts}`);
    });

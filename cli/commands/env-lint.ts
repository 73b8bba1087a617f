import { findPlainSecrets } from '../../functions/env/adoption.ts';
import { findInterpolations } from '../../functions/env/agreement.ts';
import { dialectNames, isDialect } from '../../functions/env/dialects/dialect.ts';
import { failure, usage } from '../../system/failures.ts';
import { readValues, valueOptions } from '../files/enc-values.ts';
import { planOrFail } from '../files/file-failures.ts';
import { splitSecret } from '../files/unfit-values.ts';
import { note, noteLine, printJson } from '../output/output.ts';
import { noteWarnings } from '../output/print-failure.ts';
import { readText } from '../values/read-value.ts';
import { offlineCommand } from './command-line.ts';

export const lintCommand = () =>
  offlineCommand(
    'lint',
    'check a file as the vault would, without a request',
    'dsvault env lint .env',
    'dsvault env lint .env --for expand --dialect docker',
    'git show :.env | dsvault env lint --no-plain -',
  )
    .argument('<file>', 'the file; - is stdin')
    .option('--for <command>', 'the command it is meant for: encrypt, expand or submit', 'submit')
    .option('--dialect <name>', `the program that reads the result: ${dialectNames}`, 'shell')
    .option('--no-plain', 'fail if plain text is left that env adopt --secrets would store')
    .option('--except <names>', 'the keys that --no-plain allows, separated by commas')
    .option(...valueOptions.file)
    .option(...valueOptions.fromEnv)
    .action(async (file, { for: mode, dialect, plain: isAllowed, except, json, ...flags }) => {
      if (except !== undefined && isAllowed) throw usage('--except goes with --no-plain');
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
      const allowed = except?.split(',') ?? [];
      const found = isAllowed ? [] : findPlainSecrets(content);
      const plain = found.filter(({ key }) => !allowed.includes(key));
      const lines = content.split('\n');
      const source = { content, file: plan.file };
      const interpolated = findInterpolations(source, dialect);
      const counts = `to create: ${create.length}, to update: ${update.length}, to read: ${read.length}`;
      if (json)
        await printJson({ create, update, read, interpolated, ...(!isAllowed && { plain }) });
      else if (plain.length === 0) note(`${file}: no errors; secrets ${counts}`);
      else
        for (const { key, line } of plain) {
          const isSplit = interpolated.some((one) => one.key === key);
          const how = isSplit
            ? `; ${dialect} interpolates it, so ${splitSecret(lines[line - 1] ?? '')}`
            : '';
          noteLine(`${file}:${line}: ${key} is in plain text${how}`);
        }
      if (!json) {
        noteWarnings(interpolated, file);
        if (interpolated.length > 0) note(howToRun);
      }
      if (plain.length === 0) return;
      throw failure('values look like secrets: env adopt stores them, --except allows them', {
        kind: 'found',
      });
    });

const howToRun =
  'run refuses interpolated values: --references-only leaves them to the program, --literal passes them as text';

import { failure, isFailure, refusal, usage } from '../../system/failures.ts';
import { readEntries } from '../files/import-file.ts';
import { note, noteLine, printJson } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { readText } from '../values/read-value.ts';
import { noteOf, writingCommand } from './command-line.ts';

export const importCommand = () =>
  writingCommand(
    'import',
    'create a secret for each assignment of a file, all of them or none',
    `
    dsvault import .env --note 'from the old server'
    dsvault import secrets.json
    other-vault export | dsvault import - --format env
    `,
  )
    .argument('<file>', 'the file; - is stdin')
    .option('--format <name>', 'env or json; by default the ending of the file name decides')
    .option('--dry-run', 'the same answer and report; nothing is stored')
    .action(async (file, { format, dryRun, json, ...flags }) => {
      const remark = noteOf(flags);
      const session = openSession(flags);
      const content = await readText(file, `the file ${file}`);
      const entries = readEntries(content, formatOf(format, file), file);
      if (entries.length === 0)
        throw failure(`${file} has no assignments`, { kind: 'invalidFile' });
      // The keys are arbitrary, because names of secrets may hold characters that keys may not.
      const lines = entries.map(({ name }, index) => `K${index}="enc(${name})"\n`);
      const values = Object.fromEntries(entries.map(({ name, value }) => [name, value]));
      const body = { content: lines.join(''), values, ...(dryRun && { dryRun }), ...remark };
      const reply = await byName(file, () => session.client('encrypt-env', { body }));
      if (json) return await printJson({ created: reply.created });
      const names = reply.created.map(({ name }) => name).join(', ');
      note(`${dryRun ? 'would create' : 'created'} ${names}`);
    });

const formatOf = (format: string | undefined, file: string): 'env' | 'json' => {
  const named = format ?? (file.endsWith('.json') ? 'json' : 'env');
  if (named === 'env' || named === 'json') return named;
  throw usage('--format is env or json');
};

/** Reports errors by name only, because the lines of the request are not those of the file. */
const byName = async <Result>(file: string, action: () => Promise<Result>): Promise<Result> => {
  try {
    return await action();
  } catch (error) {
    if (!isFailure(error) || error.report.code !== 'secret_exists') throw error;
    const { errors = [], errorsTotal: _, ...rest } = error.report;
    const names = errors.map(({ name }) => name);
    for (const name of names) noteLine(`${file}: ${name}: exists already`);
    throw refusal({ ...rest, names });
  }
};

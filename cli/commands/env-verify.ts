import { findDifferences, readFile } from '../../functions/env/agreement.ts';
import type { Dialect } from '../../functions/env/dialects/dialect.ts';
import { reportOf } from '../../functions/env/faults.ts';
import { failure, usage } from '../../system/failures.ts';
import { fileSentence } from '../../system/file-sentences.ts';
import { invalidFile } from '../files/file-failures.ts';
import { printJson, printLines } from '../output/output.ts';
import { readText } from '../values/read-value.ts';
import { offlineCommand } from './command-line.ts';

const dialects: ReadonlyMap<string, Dialect> = new Map([
  ...(['bash', 'dash', 'zsh'] as const).map((shell) => [shell, 'shell'] as const),
  ...(['node', 'dotenv', 'compose', 'docker', 'python', 'ruby', 'php'] as const).map(
    (name) => [name, name] as const,
  ),
]);
const readerNames = [...dialects.keys()].join(',');

export const verifyCommand = () =>
  offlineCommand(
    'verify',
    'check whether programs read a file as the vault does, without a vault',
    'dsvault env verify .env',
    'dsvault env verify --reader node,docker .env',
  )
    .argument('<file>', 'the file; - is stdin')
    .option('--reader <names>', 'the programs, separated by commas', readerNames)
    .action(async (file, { reader, json }) => {
      const readers = reader.split(',').map((name) => {
        const dialect = dialects.get(name);
        if (dialect === undefined) throw usage(`--reader takes ${readerNames}`);
        return { name, dialect };
      });
      const source = readFile(await readText(file));
      if (source.errors.length > 0) throw invalidFile(reportOf(source.errors), file);
      const told = readers.map(({ name, dialect }) => {
        return { reader: name, first: findDifferences(source, dialect)[0] ?? null };
      });
      if (json) await printJson({ file, readers: told });
      else await printLines(told.map((one) => lineOf(file, one)));
      if (told.every(({ first }) => first === null)) return;
      throw failure('at least one of these programs may read it differently', { kind: 'found' });
    });

type ReaderReport = {
  readonly reader: string;
  /** The first place of the file that this reader may read differently; `null` if there is none. */
  readonly first: ReturnType<typeof findDifferences>[number] | null;
};

const lineOf = (file: string, { reader, first }: ReaderReport): string =>
  first === null
    ? `${file}: ${reader} reads every value as the vault does`
    : `${file}:${first.line}:${first.column}: ${fileSentence({ ...first, dialect: reader })} [${first.code}]`;

import { convertFile } from '../../functions/env/convert.ts';
import {
  dialectNames,
  isDialect,
  isTextDialect,
  textDialectNames,
} from '../../functions/env/dialects/dialect.ts';
import { reportOf } from '../../functions/env/faults.ts';
import { usage } from '../../system/failures.ts';
import { invalidFile } from '../files/file-failures.ts';
import { printJson, printText } from '../output/output.ts';
import { replaceUnchanged, targetOf } from '../output/private-files.ts';
import { readText } from '../values/read-value.ts';
import { offlineCommand } from './command-line.ts';

export const convertCommand = () =>
  offlineCommand(
    'convert',
    'rewrite a file so that another program reads the same values, without a vault',
    'dsvault env convert --from dotenv --to compose .env --out compose.env',
    'dsvault env convert --to docker .env',
    'dsvault env convert --from shell --to python --in-place .env',
  )
    .argument('<file>', 'the file; - is stdin')
    .option(
      '--from <name>',
      'the program that reads it now; by default, the rules of the vault apply',
    )
    .requiredOption('--to <name>', `the program that will read it: ${dialectNames}`)
    .option('--out <file>', 'write to a file that only its owner can read')
    .option('--in-place', 'replace the file, completely or not at all')
    .action(async (file, { from, to, out, inPlace, json }) => {
      if (from !== undefined && !isTextDialect(from)) {
        throw usage(`--from is one of ${textDialectNames}`);
      }
      if (!isDialect(to)) throw usage(`--to is one of ${dialectNames}`);
      const target = targetOf(file, { out, inPlace });
      const text = await readText(file);
      const { content, errors } = convertFile(text, { from, to });
      if (errors.length > 0) throw invalidFile(reportOf(errors), file);
      if (target) replaceUnchanged(target, content, text);
      if (json) return await printJson({ file, ...(target ? {} : { content }) });
      if (!target) await printText(content);
    });

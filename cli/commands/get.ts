import { usage, withSentence } from '../../system/failures.ts';
import { printJson, printValue } from '../output/output.ts';
import { replaceFile, requireWritable } from '../output/private-files.ts';
import { ofVersion } from '../requests/secret-lists.ts';
import { openSession } from '../requests/vault-client.ts';
import { decodeValue } from '../values/read-value.ts';
import { instantOf, nameArgument, vaultCommand, versionNumber } from './command-line.ts';

export const getCommand = () =>
  vaultCommand(
    'get',
    'print the value of a secret: its bytes and nothing else, unless to a terminal',
    'dsvault get DB_PASSWORD',
    'dsvault get DB_PASSWORD --version 1',
    'dsvault get DB_PASSWORD --at 2026-11-24T14:31:00Z',
    'dsvault get TLS_KEY --out key.pem',
  )
    .argument(...nameArgument)
    .option('--version <number>', 'this version instead of the current one', versionNumber)
    .option('--at <instant>', 'the version that was valid then (RFC 3339, Z)', instantOf('--at'))
    .option('--out <file>', 'write to a file that only its owner can read')
    .action(async (name, { version, at, out, json, ...flags }) => {
      if (version !== undefined && at !== undefined) throw usage('give --version or --at');
      if (out !== undefined && json) throw usage('give --out or --json');
      const { client } = openSession(flags);
      const query = { version: version?.toString(), at };
      const ask = () => client('get-secret', { name, query });
      const found = await (at === undefined
        ? ofVersion({ name, version }, ask)
        : withSentence('not_found', absentAt(name, at), ask));
      if (json) return await printJson(found);
      const value = decodeValue(found);
      if (out === undefined) return await printValue(value);
      replaceFile(requireWritable(out), value);
    });

const absentAt = (name: string, at: string): string =>
  `this token sees no value of ${name} at ${at}: dsvault history ${name}`;

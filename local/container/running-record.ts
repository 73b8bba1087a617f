/** How one command finds what another one of the same folder keeps running. */
import { rmSync } from 'node:fs';
import * as v from 'valibot';
import { isRunning, processRecord, recordOf } from '../child.ts';
import { readFileIfPresent, replaceFile } from '../data-folder.ts';

/** Tells in `file` what this process runs, as far as JSON can. Call `forget` before it ends. */
export const remember = (file: string, what: object): void => {
  replaceFile(file, JSON.stringify({ process: recordOf(process.pid), ...what }));
};

export const forget = (file: string): void => rmSync(file, { force: true });

/** What another process runs; `undefined` if none does, also where one was killed. */
export const find = <Entries extends v.ObjectEntries>(
  file: string,
  what: v.ObjectSchema<Entries, undefined>,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> | undefined => {
  const text = readFileIfPresent(file);
  if (text === undefined) return undefined;
  const told: unknown = JSON.parse(text);
  const { process: record } = v.parse(v.object({ process: processRecord }), told);
  return isRunning(record) ? v.parse(what, told) : undefined;
};

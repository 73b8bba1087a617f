/** Lets one command find what another command keeps running on the same folder. */
import { rmSync } from 'node:fs';
import * as v from 'valibot';
import { isRunning, processRecord, recordOf } from './child.ts';
import { readFileIfPresent, replaceFile } from './data-folder.ts';

/** Records in `file` what this process runs, as JSON. Call `forget` before the process ends. */
export const remember = (file: string, what: object): void => {
  const record = { process: recordOf(process.pid), ...what };
  replaceFile(file, JSON.stringify(record, undefined, 2));
};

export const forget = (file: string): void => rmSync(file, { force: true });

/** Reads the record of another process; `undefined` if none runs, also if the process was killed. */
export const find = <Entries extends v.ObjectEntries>(
  file: string,
  what: v.ObjectSchema<Entries, undefined>,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> | undefined => {
  const text = readFileIfPresent(file);
  if (text === undefined) return undefined;
  const told: unknown = JSON.parse(text);
  const owner = v.safeParse(v.object({ process: processRecord }), told);
  if (!owner.success || !isRunning(owner.output.process)) return undefined;
  const { success, output } = v.safeParse(what, told);
  return success ? output : undefined;
};

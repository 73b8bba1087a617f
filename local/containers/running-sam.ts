/** Lets the other commands find the vault that `npm run sam` serves on a folder. */
import { join } from 'node:path';
import * as v from 'valibot';
import { find, forget, remember } from '../host/running-record.ts';

const running = v.object({ url: v.string() });

const fileOf = (folder: string): string => join(folder, 'sam.json');

/** Records the address of this process's vault. Call `forgetSam` before it ends. */
export const rememberSam = (folder: string, url: string): void => remember(fileOf(folder), { url });

export const forgetSam = (folder: string): void => forget(fileOf(folder));

/** Finds the vault that another process serves by sam on the folder; `undefined` if there is none. */
export const findSam = (folder: string): { readonly url: string } | undefined =>
  find(fileOf(folder), running);

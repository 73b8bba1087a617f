/** Writes and reads backup files as streams, so that they may have any size. */
import { createReadStream, createWriteStream, existsSync, rmSync } from 'node:fs';
import { mkdtemp, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import { constants, createGunzip, createGzip } from 'node:zlib';
import type { Item } from '../../functions/store/items.ts';
import { codeOf, failure, isFailure, sentenceOf } from '../../system/failures.ts';
import { syncPath } from '../../system/files.ts';
import { closeAtEnd } from '../process/ending.ts';
import {
  createTally,
  type Facts,
  firstLine,
  itemOf,
  lastLine,
  lineOf,
  type Manifest,
  readFirstLine,
  readLastLine,
  type Source,
} from './format.ts';

export type Backup = { readonly facts: Facts; readonly manifest: Manifest };

/** Called with the number of items that were written or read since the last call. */
export type ItemCounter = (count: number) => void;

/**
 * Creates the file, and reads it again to check that it is complete. Throws a failure if the file
 * already exists, and leaves that file unchanged. After any other failure there is no file.
 */
export const createBackup = async (
  file: string,
  openSource: () => Promise<Source>,
  { written, checked }: { readonly written: ItemCounter; readonly checked: ItemCounter },
): Promise<Backup> => {
  refuseFile(file);
  return await withFolderBeside(file, async (folder) => {
    try {
      const draft = join(folder, 'backup');
      await write(draft, await openSource(), written);
      const made = await readBackup(draft, (items) => checked(items.length));
      // Another program may have created the file in the meantime.
      refuseFile(file);
      await rename(draft, file);
      syncPath(dirname(file));
      return made;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      throw failure(`${file} cannot be written (${codeOf(error)})`, { cause: error });
    }
  });
};

const refuseFile = (file: string): void => {
  if (existsSync(file)) throw failure(`${file} exists already: name a file that does not exist`);
};

/**
 * Calls `use` with a new folder next to the file. Removes the folder afterwards, even if the
 * program is asked to end.
 */
const withFolderBeside = async <Result>(
  file: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> => {
  const folder = await makeFolderBeside(file);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const takeBack = closeAtEnd(remove);
  try {
    return await use(folder);
  } finally {
    takeBack();
    remove();
  }
};

const makeFolderBeside = async (file: string): Promise<string> => {
  try {
    return await mkdtemp(join(dirname(file), `.${basename(file)}-`));
  } catch (error) {
    throw failure(`${file} cannot be written (${codeOf(error)})`, { cause: error });
  }
};

const write = async (file: string, source: Source, written: ItemCounter): Promise<void> => {
  const tally = createTally(source.facts.vault);
  async function* lines(): AsyncGenerator<string> {
    yield `${firstLine(source.facts)}\n`;
    for await (const page of source.pages) {
      const text = page.map((item) => {
        const line = lineOf(item);
        tally.add(item, line);
        return `${line}\n`;
      });
      yield text.join('');
      written(page.length);
    }
    yield `${lastLine(tally.manifest())}\n`;
  }
  // Sealed values hardly compress, so a higher compression level is not worth the time.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const out = createWriteStream(file, { mode: 0o600, flags: 'wx' });
  await pipeline(Readable.from(lines(), { highWaterMark: 1 }), gzip, out);
  syncPath(file);
};

/**
 * The maximum length of a line. Items have at most 400 KB, but base64 and escapes make their lines
 * longer.
 */
const lineBytesMax = 8_388_608;
const lineFeed = 0x0a;

/** Yields the lines of the file in groups. Throws a failure that says why it cannot be read. */
async function* readLines(file: string): AsyncGenerator<readonly string[]> {
  const gunzip = createGunzip({ chunkSize: 262_144 });
  const compressed = createReadStream(file).on('error', (error) => gunzip.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of compressed.pipe(gunzip)) {
      rest = Buffer.concat([rest, chunk]);
      const end = rest.lastIndexOf(lineFeed);
      if (end >= 0) {
        yield rest.subarray(0, end).toString('utf8').split('\n');
        rest = Buffer.from(rest.subarray(end + 1));
      }
      if (rest.length > lineBytesMax) throw damaged(file, 'a line is too long');
    }
  } catch (error) {
    if (isFailure(error)) throw error;
    throw unreadable(file, error);
  } finally {
    compressed.destroy();
  }
  if (rest.length > 0) yield [rest.toString('utf8')];
}

const damaged = (file: string, why: string): Error =>
  failure(`${file} is damaged: ${why}; take another copy of the backup`);
const cutOff = (file: string): Error =>
  failure(`${file} is truncated: its last line is missing; take another copy of the backup`);
const noBackup = (file: string): Error => failure(`${file} is not a backup made by npm run backup`);

const unreadable = (file: string, error: unknown): Error => {
  const code = codeOf(error) ?? '';
  if (code === 'ENOENT') return failure(`there is no file ${file}`);
  if (code === 'Z_BUF_ERROR') return cutOff(file);
  if (sentenceOf(error) === 'incorrect header check') return noBackup(file);
  if (code.startsWith('Z_')) return damaged(file, sentenceOf(error));
  return failure(`${file} cannot be read (${code})`, { cause: error });
};

/**
 * Reads a whole backup, and passes its items to `use` in groups. Throws a failure unless the file
 * is complete and its manifest matches. `use` has received items by then, so a caller that cannot
 * undo what it did reads the file twice.
 */
export const readBackup = async (
  file: string,
  use: (items: readonly Item[], facts: Facts) => unknown = () => undefined,
): Promise<Backup> => {
  let facts: Facts | undefined;
  let tally = createTally('');
  let manifest: Manifest | undefined;
  for await (const lines of readLines(file)) {
    const items: Item[] = [];
    for (const line of lines) {
      if (manifest !== undefined) throw damaged(file, 'there is something after its last line');
      if (facts === undefined) {
        facts = readFirstLine(line);
        if (facts === undefined) throw noBackup(file);
        tally = createTally(facts.vault);
        continue;
      }
      const item = itemOf(line);
      manifest = item === undefined ? readLastLine(line) : undefined;
      if (item === undefined && manifest === undefined) {
        throw damaged(file, 'a line is not an item in the format of npm run backup');
      }
      if (item === undefined) continue;
      try {
        tally.add(item, line);
      } catch (error) {
        throw damaged(file, sentenceOf(error));
      }
      items.push(item);
    }
    if (items.length > 0 && facts !== undefined) await use(items, facts);
  }
  if (facts === undefined) throw noBackup(file);
  if (manifest === undefined) throw cutOff(file);
  if (!isDeepStrictEqual(tally.manifest(), manifest)) {
    throw damaged(file, 'its items do not match its last line');
  }
  return { facts, manifest };
};

/** Reads log files as streams, so that they may have any size. */
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf, failure } from './failures.ts';

/**
 * The longest line that is read. CloudWatch accepts lines of 1 MiB, and a JSON document that
 * contains such a line is longer because it escapes some characters.
 */
const lineBytesMax = 4_194_304;
const lineFeed = 0x0a;

/** Yields the lines of stdin. */
export const linesOfStdin = (): AsyncGenerator<string> => linesOf(process.stdin, 'stdin');

/** Yields the lines of a file. Throws the failure that says why it cannot be read. */
export async function* linesOfFile(file: string): AsyncGenerator<string> {
  const handle = await openFile(file);
  try {
    yield* linesOf(streamOf(handle), file);
  } finally {
    await handle.close();
  }
}

/**
 * Yields the lines of the log of a running vault: first those of `<file>.1`, which are older, then
 * those of `file`. Either file may be absent. Throws a failure that says which file cannot be read.
 */
export async function* linesOfLog(file: string, signal?: AbortSignal): AsyncGenerator<string> {
  // The newer file is opened first, so that no line is missed if it becomes `<file>.1` now.
  const newer = await openIfPresent(file);
  const older = await openIfPresent(`${file}.1`);
  try {
    const inodes = await Promise.all([newer?.stat(), older?.stat()]);
    const isSame = newer && inodes[0]?.ino === inodes[1]?.ino;
    if (older && !isSame) yield* linesOf(streamOf(older, signal), `${file}.1`);
    if (newer) yield* linesOf(streamOf(newer, signal), file);
  } finally {
    await Promise.all([newer?.close(), older?.close()]);
  }
}

const streamOf = (handle: FileHandle, signal?: AbortSignal) =>
  handle.createReadStream({ autoClose: false, ...(signal && { signal }) });

const openFile = (file: string): Promise<FileHandle> =>
  open(file).catch((error: unknown) => {
    throw cannotRead(file, error);
  });

const openIfPresent = (file: string): Promise<FileHandle | undefined> =>
  open(file).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw cannotRead(file, error);
  });

const cannotRead = (file: string, cause: unknown) =>
  failure(`the log ${file} cannot be read (${codeOf(cause) ?? 'unknown error'})`, { cause });

async function* linesOf(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  const all = chunks[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await all.next().catch((error: unknown) => {
      throw cannotRead(name, error);
    });
    if (done) break;
    rest = Buffer.concat([rest, value]);
    const end = rest.lastIndexOf(lineFeed);
    if (end >= 0) {
      yield* rest.subarray(0, end).toString('utf8').split('\n');
      rest = Buffer.from(rest.subarray(end + 1));
    }
    if (rest.length > lineBytesMax) {
      throw failure(`${name} is not a log: one of its lines is longer than 4 MiB`, {
        kind: 'invalidFile',
      });
    }
  }
  if (rest.length > 0) yield rest.toString('utf8');
}

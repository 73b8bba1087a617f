/** Reads a log file as it grows. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { codeOf } from '../../system/failures.ts';

export type LogTail = {
  /**
   * Returns the complete lines that were written since the last call. The first call returns the
   * lines in the last `backlogBytes` of the file.
   */
  readonly read: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

const chunkBytes = 1_048_576;
const lineFeed = 0x0a;

/**
 * Tails a file that need not exist yet. The file may be replaced, by rotation or because a node was
 * wiped: the tail then reads the old file to its end and opens the new one. It reads at most the
 * last `backlogBytes` of each file that it opens.
 */
export const openTail = (file: string, backlogBytes: number): LogTail => {
  let handle: FileHandle | undefined;
  let position = 0;
  let rest: Buffer = Buffer.alloc(0);

  const openFile = async (): Promise<void> => {
    handle = await open(file, 'r').catch(ifAbsent);
    if (handle === undefined) return;
    const { size } = await handle.stat();
    position = Math.max(0, size - backlogBytes);
    // The first line read may be the end of a longer line. It is not valid JSON then, so callers
    // skip it.
    rest = Buffer.alloc(0);
  };
  const readToEnd = async (): Promise<string[]> => {
    const lines: string[] = [];
    const buffer = Buffer.alloc(chunkBytes);
    for (;;) {
      const { bytesRead = 0 } = (await handle?.read(buffer, 0, chunkBytes, position)) ?? {};
      if (bytesRead === 0) return lines;
      position += bytesRead;
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(lineFeed);
      if (end < 0) continue;
      lines.push(...rest.subarray(0, end).toString('utf8').split('\n'));
      rest = Buffer.from(rest.subarray(end + 1));
    }
  };
  const close = async (): Promise<void> => {
    await handle?.close();
    handle = undefined;
  };
  return {
    read: async () => {
      if (handle === undefined) await openFile();
      const lines = await readToEnd();
      const [own, present] = await Promise.all([handle?.stat(), stat(file).catch(ifAbsent)]);
      if (own === undefined || present === undefined || own.ino === present.ino) return lines;
      await close();
      await openFile();
      return [...lines, ...(await readToEnd())];
    },
    close,
  };
};

const ifAbsent = (error: unknown): undefined => {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
};

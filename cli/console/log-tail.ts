/** Reads a log file as it grows. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { codeOf } from '../../system/failures.ts';

export type LogTail = {
  /** The whole lines that were written since the last call. The first call returns the end of the file. */
  readonly read: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

const chunkBytes = 1_048_576;
const lineFeed = 0x0a;

/**
 * The file may not exist yet. A full file is replaced by an empty one, and the file of a wiped node by a new
 * one; the tail first reads the old file to its end. Of a file that it opens, the tail reads only the last
 * `backlogBytes`.
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
    // The first line may be the end of a longer line, which is no JSON.
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

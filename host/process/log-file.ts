/**
 * A log of limited length for the output of a process. It keeps at least the newest `bytesMax`
 * bytes, and at most twice as many.
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';

export type LogFile = {
  readonly write: (chunk: Uint8Array) => void;
  readonly close: () => void;
};

const bytesMaxPreset = 16_777_216;

const lineFeed = 0x0a;

/** Whether the file of this length ends in the middle of a line. */
const endsWithinLine = (descriptor: number, bytes: number): boolean => {
  const last = new Uint8Array(1);
  return bytes > 0 && readSync(descriptor, last, 0, 1, bytes - 1) === 1 && last[0] !== lineFeed;
};

/**
 * Appends to `file`. Once the file is full, it is renamed to `<file>.1`, which replaces the
 * previous file of that name. If the file ends with a part of a line, because the process was
 * killed or the disk was full, the next write begins a new line.
 */
export const openLogFile = (file: string, bytesMax = bytesMaxPreset): LogFile => {
  let descriptor = openSync(file, 'a+', 0o600);
  let bytes = fstatSync(descriptor).size;
  let isCut = endsWithinLine(descriptor, bytes);
  const rotate = () => {
    renameSync(file, `${file}.1`);
    closeSync(descriptor);
    descriptor = openSync(file, 'a', 0o600);
    bytes = 0;
    isCut = false;
  };
  return {
    write: (chunk) => {
      try {
        if (bytes > 0 && bytes + chunk.length > bytesMax) rotate();
        const whole = isCut ? Buffer.concat([Buffer.from('\n'), chunk]) : chunk;
        const written = writeSync(descriptor, whole);
        bytes += written;
        isCut = written < whole.length;
      } catch {
        // A log that cannot be written, for example on a full disk, must not end the process that
        // it describes.
      }
    },
    close: () => closeSync(descriptor),
  };
};

/**
 * Writes the lines of a stream to a log. Lines are never split: no other stream and no next file
 * begins within one.
 */
export const logLines = (stream: Readable, { write }: LogFile): void => {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    if (end > 0) write(Buffer.concat([rest, chunk.subarray(0, end)]));
    rest = end > 0 ? chunk.subarray(end) : Buffer.concat([rest, chunk]);
  });
  stream.once('end', () => {
    // The unfinished line of a killed process must not become the beginning of another line.
    if (rest.length > 0) write(Buffer.concat([rest, Buffer.from('\n')]));
  });
};

/** A log of bounded length: what a process prints, the newest `bytesMax` of it at least and twice as much at most. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export type LogFile = {
  readonly write: (chunk: Uint8Array) => void;
  readonly close: () => void;
};

const bytesMaxPreset = 16_777_216;

/** Goes on at the end of `file`; once it is full it becomes `<file>.1`, in place of the one before. */
export const openLogFile = (file: string, bytesMax = bytesMaxPreset): LogFile => {
  let descriptor = openSync(file, 'a', 0o600);
  let bytes = fstatSync(descriptor).size;
  const rotate = () => {
    renameSync(file, `${file}.1`);
    closeSync(descriptor);
    descriptor = openSync(file, 'a', 0o600);
    bytes = 0;
  };
  return {
    write: (chunk) => {
      try {
        if (bytes > 0 && bytes + chunk.length > bytesMax) rotate();
        bytes += writeSync(descriptor, chunk);
      } catch {
        // A log that cannot be written, as on a full disk, must not end what it tells of.
      }
    },
    close: () => closeSync(descriptor),
  };
};

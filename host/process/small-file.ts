/**
 * Reads files of keys and certificates, whose paths come from the user and which may be replaced at
 * any time. Reading a pipe would block the whole process until somebody writes to it, and a device
 * or a large file would fill its memory.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

const bytesMax = 1_000_000;

export type FileStatus = ReturnType<typeof statusOf>;
const statusOf = (descriptor: number) => fstatSync(descriptor, { bigint: true });

/**
 * Why a file of this kind or size is not read, as part of a sentence; `undefined` if it may be
 * read.
 */
const refusalOf = (status: FileStatus): string | undefined => {
  if (status.isDirectory()) return 'it is a directory';
  if (status.isFIFO()) return 'it is a pipe';
  if (!status.isFile()) return 'it is not a regular file';
  return status.size > bytesMax ? `it is larger than ${bytesMax / 1_000_000} MB` : undefined;
};

/**
 * Reads a regular file of at most 1 MB, and follows links. The status is of the file that was read,
 * even if another one takes its name meanwhile. Throws the system's error. For a file of another
 * kind or size, throws an error that says why it is not read.
 */
export const readSmallFile = (
  file: string,
): { readonly status: FileStatus; readonly bytes: Buffer } => {
  // Without O_NONBLOCK, opening a pipe waits for a writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = statusOf(descriptor);
    const refusal = refusalOf(status);
    if (refusal !== undefined) throw new Error(refusal);
    return { status, bytes: readFileSync(descriptor) };
  } finally {
    closeSync(descriptor);
  }
};

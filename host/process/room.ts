/** The free space on the disk of a folder, and whether its files are still where they were. */
import { statfs } from 'node:fs/promises';

const lookEveryMs = 2_000;
/**
 * The free bytes below which the disk counts as almost full. One request stores less than 4 MiB,
 * and SQLite's log grows by about 4 MiB before its pages move into the file.
 */
const roomMin = 16 * 1_048_576;

/** The bytes that this user may still write to the disk of a folder. */
const roomOf = async (folder: string): Promise<number> => {
  const { bsize, bavail, bfree } = await statfs(folder);
  // Some file systems keep blocks for root.
  return bsize * (process.getuid?.() === 0 ? bfree : bavail);
};

/**
 * Looks immediately, and then every two seconds until `close`. `changed` is called with a message,
 * and with whether the disk is almost full, when that changes or `findMoved` returns a path or none
 * any more. `measure` is for tests.
 */
export const watchRoom = (
  folder: string,
  findMoved: () => string | undefined,
  changed: (sentence: string, isLow: boolean) => void,
  measure: (folder: string) => Promise<number> = roomOf,
): { readonly look: () => Promise<void>; readonly close: () => void } => {
  let isLow = false;
  let moved: string | undefined;
  const lookAtFiles = (): void => {
    const path = findMoved();
    if (path === moved) return;
    moved = path;
    const sentence =
      path === undefined
        ? `the files of ${folder} are back`
        : `${path} was moved, replaced or deleted: every write is refused until it is put back`;
    changed(sentence, isLow);
  };
  const look = async (): Promise<void> => {
    lookAtFiles();
    // If the folder is missing, or the file system does not report its free space, nothing is known
    // and nothing is reported.
    const room = await measure(folder).catch(() => undefined);
    if (room === undefined || room < roomMin === isLow) return;
    isLow = room < roomMin;
    const sentence = isLow
      ? `the disk of ${folder} has ${Math.floor(room / 1_024)} KiB left: every write is refused until there is room`
      : `the disk of ${folder} has space again`;
    changed(sentence, isLow);
  };
  void look();
  const timer = setInterval(() => void look(), lookEveryMs).unref();
  return { look, close: () => clearInterval(timer) };
};

/** The free space on the disk of a folder. */
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
 * Checks the free space on the disk of the folder immediately, and then every two seconds until
 * `close`. `changed` is called with a message when the disk is almost full, and when there is space
 * again. `measure` is for tests.
 */
export const watchRoom = (
  folder: string,
  changed: (sentence: string, isLow: boolean) => void,
  measure: (folder: string) => Promise<number> = roomOf,
): { readonly look: () => Promise<void>; readonly close: () => void } => {
  let isLow = false;
  const look = async (): Promise<void> => {
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

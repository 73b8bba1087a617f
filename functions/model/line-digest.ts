/** How a line of the log is told from any other, by the writer of the log and by its readers. */
import { createHash } from 'node:crypto';

/**
 * Returns the first 66 bits of the SHA-256 of a line without its line feed: the first 11 characters
 * in base64url.
 */
export const lineDigest = (line: string): string =>
  createHash('sha256').update(line).digest('base64url').slice(0, 11);

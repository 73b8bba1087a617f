/**
 * The digest by which each log line of a vault names the line before it. The vault writes it, and
 * `dsvault log check` compares it to notice a line that is missing or was changed.
 */
import { hash } from 'node:crypto';

/**
 * Returns the first 66 bits of the SHA-256 of a line without its line feed: the first 11 characters
 * in base64url.
 */
export const lineDigest = (line: string): string => hash('sha256', line, 'base64url').slice(0, 11);

/** Reads the port of a program that serves, and explains why it cannot be opened. */
import { codeOf, failure, sentenceOf } from './command.ts';

/** Reads the port from `PORT`; 0 means any free port. Throws a sentence if it is not a port. */
export const readPort = (preset: number): number => {
  const text = process.env['PORT'] || String(preset);
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw failure('PORT must be a number from 0 to 65535');
};

/** Turns the system's error into a sentence, if this process may not listen. */
export const portRefused = (host: string, port: number, error: unknown): Error => {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'is in use: stop what listens there, or set PORT to another (0: any free one)',
    EACCES: 'is not for this user to listen on: set PORT to one above 1023',
    EADDRNOTAVAIL: 'cannot be had: HOST is no address of this machine',
    ENOTFOUND: 'cannot be had: HOST is no address of this machine',
  };
  const reason = reasons[codeOf(error) ?? ''] ?? `cannot be had (${sentenceOf(error)})`;
  return failure(`port ${port} of ${host} ${reason}`, { cause: error });
};

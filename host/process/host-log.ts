/** The log of a program on a server, and the lines in it about the program itself. */
import { machineClock } from '../../functions/runtime/clock.ts';
import type { Level } from '../../functions/runtime/log-line.ts';
import { createLog, type Log, type LogParts } from '../../functions/runtime/request-journal.ts';
import { joinLinesOfTurn, type LineWriter } from './turn-lines.ts';

/**
 * Makes the log. `SERVICE_NAME` is the name of the vault in it. `write` receives whole lines, one
 * or several.
 */
export const createHostLog = (
  environment: NodeJS.ProcessEnv,
  { write: writeAll, observe }: { readonly write: LineWriter } & Pick<LogParts, 'observe'>,
): Log => {
  const { write, flush } = joinLinesOfTurn(writeAll);
  process.once('exit', flush);
  const service = environment['SERVICE_NAME'] || 'vault';
  return createLog({ service, now: machineClock.now, write, observe });
};

/**
 * Logs the access policy of a host: INFO when the host begins to use it, WARN if its file has
 * changed and cannot be used.
 */
export const logPolicy = (
  { writeLine }: Log,
  policy: { readonly fault: string | null } | undefined,
): void => {
  if (policy) writeLine(policy.fault === null ? 'INFO' : 'WARN', 'policy', policy);
};

/** Logs a WARN line about the master key file, which a host reads in its own process. */
export const logKeyFile = ({ writeLine }: Log, fault: string): void =>
  writeLine('WARN', 'master key', { fault });

/**
 * Logs the certificate that a host serves. `fault` says why it, or the one that should replace it,
 * needs attention.
 */
export const logCertificate = (
  { writeLine }: Log,
  level: Level,
  certificate: { readonly serial: string; readonly endsAt: string; readonly fault: string | null },
): void => writeLine(level, 'certificate', certificate);

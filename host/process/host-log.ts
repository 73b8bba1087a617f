/** The log of a program on a server. */
import { machineClock } from '../../functions/runtime/clock.ts';
import { createLog, type Log, type LogParts } from '../../functions/runtime/request-journal.ts';

/** Makes the log. `SERVICE_NAME` is the name of the vault in it. */
export const createHostLog = (
  environment: NodeJS.ProcessEnv,
  parts: Pick<LogParts, 'write' | 'observe'>,
): Log =>
  createLog({ service: environment['SERVICE_NAME'] || 'vault', now: machineClock.now, ...parts });

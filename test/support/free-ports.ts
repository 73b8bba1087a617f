import { findFreePort } from '../../host/process/ports.ts';

/**
 * Two workers of Jest could find the same port free before either of them listens there. So each
 * worker takes only ports with its own remainder.
 */
const workersMax = 8;
const remainder = Number(process.env['JEST_WORKER_ID'] ?? 1) % workersMax;

/** Returns this many ports. Each was free a moment ago. */
export const findFreePorts = async (count: number): Promise<readonly number[]> => {
  const found = new Set<number>();
  while (found.size < count) {
    const port = await findFreePort();
    if (port % workersMax === remainder) found.add(port);
  }
  return [...found];
};

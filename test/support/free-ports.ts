import { findFreePort } from '../../local/process/ports.ts';

/** Each worker of Jest takes ports of one remainder, as two could find one port free before either listens there. */
const workersMax = 8;
const remainder = Number(process.env['JEST_WORKER_ID'] ?? 1) % workersMax;

/** As many ports as asked for, each free a moment ago. */
export const findFreePorts = async (count: number): Promise<readonly number[]> => {
  const found = new Set<number>();
  while (found.size < count) {
    const port = await findFreePort();
    if (port % workersMax === remainder) found.add(port);
  }
  return [...found];
};

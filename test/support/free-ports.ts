import { findFreePort } from '../../local/process/ports.ts';

/** Each worker of Jest takes even or odd ports, as both could find one port free before one of them listens there. */
const parity = Number(process.env['JEST_WORKER_ID'] ?? 1) % 2;

/** As many ports as asked for, each free a moment ago. */
export const findFreePorts = async (count: number): Promise<readonly number[]> => {
  const found = new Set<number>();
  while (found.size < count) {
    const port = await findFreePort();
    if (port % 2 === parity) found.add(port);
  }
  return [...found];
};

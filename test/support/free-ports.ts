import { findFreePort } from '../../local/host/ports.ts';

/** As many ports as asked for, each free a moment ago. */
export const findFreePorts = async (count: number): Promise<readonly number[]> => {
  const found = new Set<number>();
  while (found.size < count) found.add(await findFreePort());
  return [...found];
};

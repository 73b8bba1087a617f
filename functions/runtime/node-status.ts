import { times } from '../model/limits.ts';
import { readNodeStatusUrl } from './config.ts';

const url = readNodeStatusUrl();

/** What this vault node tells of its replication; `undefined` where there is none or it is silent. */
export const readNode = async (): Promise<unknown> => {
  if (url === undefined) return undefined;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(times.statusCallMs) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
};

import { times } from '../model/limits.ts';
import { readNodeStatusUrl } from './config.ts';

const url = readNodeStatusUrl();

/** The status of this vault node; `undefined` if there is no node or it does not answer. */
export const readNode = async (): Promise<unknown> => {
  if (url === undefined) return undefined;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(times.statusCallMs) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
};

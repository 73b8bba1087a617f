import { ask } from '../../session.ts';

/**
 * Reads a value in order to show it. Bytes that are not text are returned as base64 with a prefix
 * that says so.
 */
export const readValue = async (
  name: string,
  query: { readonly version?: string; readonly at?: string },
  signal?: AbortSignal,
): Promise<string> => {
  const { value, encoding } = await ask('get-secret', { name, query }, signal);
  return encoding === 'utf8' ? value : `base64: ${value}`;
};

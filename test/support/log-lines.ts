/** Finds what a vault of this test run has logged about a request. */
import { expect } from '@jest/globals';
import type { Reply, RunningVault } from './running-vault.ts';
import { untilSeen } from './until.ts';

export type Line = { readonly [field: string]: unknown };

/**
 * Returns the log lines of a request. Waits for the last one, the summary, and expects exactly one
 * of those.
 */
export const logged = async (
  vault: RunningVault,
  reply: Reply,
): Promise<{ readonly request: Line; readonly decisions: readonly Line[] }> => {
  const requestId = reply.headers.get('x-request-id') ?? '';
  const isRequest = ({ message }: Line) => message === 'request';
  const linesOf = (): Line[] => {
    const own = vault.lines().filter((line) => line.startsWith('{') && line.includes(requestId));
    return own.map((line) => JSON.parse(line));
  };
  const lines = await untilSeen(linesOf, (seen) => seen.some(isRequest));
  const requests = lines.filter(isRequest);
  expect(requests).toHaveLength(1);
  const decisions = lines.filter(({ message }) => message === 'decision');
  return { request: requests[0] ?? {}, decisions };
};

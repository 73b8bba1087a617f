/** Deletes expired idempotency records, in steps so small that no request waits long for one. */
import type { SqliteStore } from './sqlite-store.ts';

const everyMs = 60_000;
const stepItems = 100;

/**
 * Deletes expired records every minute until `close`. Errors are ignored, because a failing store
 * reports itself.
 */
export const keepExpiring = (
  store: Pick<SqliteStore, 'deleteExpired'>,
  now: () => number = Date.now,
): { readonly expire: () => Promise<void>; readonly close: () => void } => {
  let isClosed = false;
  const expire = async (): Promise<void> => {
    const second = Math.floor(now() / 1_000);
    while (!isClosed && (await store.deleteExpired(second, stepItems)) === stepItems);
  };
  const timer = setInterval(() => void expire().catch(() => undefined), everyMs).unref();
  return {
    expire,
    close: () => {
      isClosed = true;
      clearInterval(timer);
    },
  };
};

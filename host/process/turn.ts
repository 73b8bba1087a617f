/**
 * The turns of the event loop. In one turn, a process asks the system which sockets and files are
 * ready, and handles them.
 */

/**
 * The number of the current turn. libuv counts it up immediately before it asks the system what is
 * ready, so whatever arrives after a call of this is handled in a later turn, unless it is the rest
 * of something that was ready already.
 */
export const currentTurn = (): number => performance.nodeTiming.uvMetricsInfo.loopCount;

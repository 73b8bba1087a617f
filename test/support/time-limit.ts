/** Gives the tests of a project the time limit that jest.config.js names. Jest ignores a project's own `testTimeout`. */
import { jest } from '@jest/globals';

const { timeLimitMs } = globalThis as { readonly timeLimitMs?: number };
if (timeLimitMs !== undefined) jest.setTimeout(timeLimitMs);

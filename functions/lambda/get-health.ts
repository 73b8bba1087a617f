import { getHealthRoute } from '../get-health.ts';
import { handlerOf } from './adapter.ts';
import { log } from './log.ts';

const clock = { elapsed: () => performance.now() };

// Anyone may call it, so it has no identity. Lambda starts another instance of a function whenever
// all are busy, so it is always ready.
export const handler = handlerOf(
  getHealthRoute.serve({ clock, ...log }, { isReady: async () => true }),
);

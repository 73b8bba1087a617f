import { getHealthRoute } from '../get-health.ts';
import { machineClock } from '../runtime/clock.ts';
import { openJournal } from '../runtime/request-journal.ts';
import { handlerOf } from './adapter.ts';

// It takes no token, so its function has no identity. Lambda starts another instance of a function
// whenever all are busy, so it is always ready.
export const handler = handlerOf(
  getHealthRoute.serve({ clock: machineClock, openJournal }, { isReady: async () => true }),
);

import { callerMutants } from './callers.ts';
import { describeMutants } from './notice.ts';

describeMutants('callers', callerMutants);

import { describeMutants } from './notice.ts';
import { replicatingMutants } from './replicating.ts';

describeMutants('the log and its application', replicatingMutants);

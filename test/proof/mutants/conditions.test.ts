import { conditionMutants } from './conditions.ts';
import { describeMutants } from './notice.ts';

describeMutants('conditions', conditionMutants);

import { joiningMutants } from './joining.ts';
import { describeMutants } from './notice.ts';

describeMutants('a place among the nodes', joiningMutants);

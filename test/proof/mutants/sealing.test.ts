import { describeMutants } from './notice.ts';
import { sealingMutants } from './sealing.ts';

describeMutants('sealing', sealingMutants);

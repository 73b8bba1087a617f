import { describeMutants } from './notice.ts';

describeMutants('callers');

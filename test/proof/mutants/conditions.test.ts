import { describeMutants } from './notice.ts';

describeMutants('conditions');

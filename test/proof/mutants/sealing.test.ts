import { describeMutants } from './notice.ts';

describeMutants('sealing');

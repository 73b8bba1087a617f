import { describeMutants } from './notice.ts';

describeMutants('nodes');

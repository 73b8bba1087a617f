import { describeMutants } from './notice.ts';

describeMutants('reading');

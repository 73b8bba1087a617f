import { describeMutants } from './notice.ts';
import { readingMutants } from './reading.ts';

describeMutants('reading and answering', readingMutants);

import { nodeMutants } from './nodes.ts';
import { describeMutants } from './notice.ts';

describeMutants('a node', nodeMutants);

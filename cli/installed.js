/** The command `dsvault` of the package, in which the bundle of `main.ts` is `program.js`. */
import { requireNode } from './starting.js';

requireNode();
require('./program.js');

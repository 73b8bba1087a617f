/** The command `dsvault` of the package, in which the bundle of `main.ts` is `program.js`. */
import { useCodeCache } from './code-cache.js';
import { requireNode } from './starting.js';

requireNode();
useCodeCache();
require('./program.js');

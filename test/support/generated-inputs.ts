/** Before each test file of the projects that generate inputs, fast-check starts from the seed of the run. */
import fc from 'fast-check';
import { seed } from './seed.ts';

fc.configureGlobal({ seed });

/** Before each test file of the projects that generate inputs, fast-check starts from the seed of the run. */
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { seed } from './seed.ts';

fc.configureGlobal({ seed });
// A property runs with hundreds of inputs, perhaps on a busy machine, so such tests have no time limit.
jest.setTimeout(60_000);

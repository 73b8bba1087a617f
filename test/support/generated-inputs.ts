/** Before each test file of the projects that generate their inputs: fast-check begins from the seed of the run. */
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { seed } from './seed.ts';

fc.configureGlobal({ seed });
// A property is tried with hundreds of inputs, perhaps on a busy machine: no such test waits for a time.
jest.setTimeout(60_000);

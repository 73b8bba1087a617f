/**
 * In projects with generated inputs, this makes fast-check start each test file from the seed of
 * the run.
 */
import fc from 'fast-check';
import { seed } from './seed.ts';

fc.configureGlobal({ seed });

/**
 * Loads the vault's modules as they behave on Lambda, where the lines of the journal are also
 * metrics for CloudWatch.
 */
import { jest } from '@jest/globals';

type JournalModule = typeof import('../../functions/runtime/request-journal.ts');
type HealthModule = typeof import('../../functions/lambda/get-health.ts');

/** Loads the module anew, as at a cold start on Lambda. */
const loadedOnLambda = <Module>(file: string): Module => {
  process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'vault-get-secret';
  let loaded: Module | undefined;
  jest.isolateModules(() => {
    loaded = jest.requireActual<object>(file) as Module;
  });
  delete process.env['AWS_LAMBDA_FUNCTION_NAME'];
  if (loaded === undefined) throw new Error(`${file} was not loaded`);
  return loaded;
};

export const journalOnLambda = (): JournalModule['openJournal'] =>
  loadedOnLambda<JournalModule>('../../functions/runtime/request-journal.ts').openJournal;

export const healthOnLambda = (): HealthModule['handler'] =>
  loadedOnLambda<HealthModule>('../../functions/lambda/get-health.ts').handler;

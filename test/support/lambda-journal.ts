/** The journal as a function on Lambda opens it. Its lines are metrics of CloudWatch, too. */
import { jest } from '@jest/globals';

type JournalModule = typeof import('../../functions/runtime/journal.ts');

/** Loads the journal again, as at a cold start on Lambda. */
export const journalOnLambda = (): JournalModule['openJournal'] => {
  process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'vault-get-secret';
  let loaded: JournalModule | undefined;
  jest.isolateModules(() => {
    loaded = jest.requireActual<JournalModule>('../../functions/runtime/journal.ts');
  });
  delete process.env['AWS_LAMBDA_FUNCTION_NAME'];
  if (loaded === undefined) throw new Error('the journal was not loaded');
  return loaded.openJournal;
};

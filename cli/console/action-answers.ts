/** Turns the failures of the command line into answers that the page can show. */
import { isFailure } from '../../system/failures.ts';
import type { Answer } from './server.ts';

/** The result of some work, or the report of its failure. Another error is a fault of the console. */
export const answerOf = async (work: () => Promise<unknown>): Promise<Answer> => {
  try {
    return { status: 200, body: await work() };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const { report } = error;
    const status = 'status' in report && typeof report.status === 'number' ? report.status : 502;
    return { status, body: report };
  }
};

/** The answer to what no page of ours asks. */
export const malformed: Answer = {
  status: 400,
  body: { code: 'invalid_request', detail: 'the console does not know what the page asks' },
};

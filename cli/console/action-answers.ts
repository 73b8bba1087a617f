/**
 * Builds the actions that the page calls: validates each request, and turns failures into answers.
 */
import * as v from 'valibot';
import { type Failure, isFailure } from '../../system/failures.ts';
import type { Report } from '../../system/problem-report.ts';
import type { Action, Answer } from './server.ts';

/**
 * Returns the result of `work`, or the report of its failure. Any other error is a bug in the
 * console and is thrown on.
 */
export const answerOf = async (work: () => Promise<unknown>): Promise<Answer> => {
  try {
    return { status: 200, body: await work() };
  } catch (error) {
    if (!isFailure(error)) throw error;
    const report = reportFor(error);
    const status = 'status' in report && typeof report.status === 'number' ? report.status : 502;
    return { status, body: report };
  }
};

/**
 * Returns the report of a failure for the page. If the vault refuses the token, a new login is not
 * enough, because the console reads its settings only when it starts. The report then tells the
 * person to start the console again too.
 */
export const reportFor = ({ report, message }: Failure): Report =>
  report.code === 'unauthenticated'
    ? { ...report, detail: `${message}, and then dsvault console again` }
    : report;

/** The answer to a malformed request. The console's own page never sends one. */
const malformed: Answer = {
  status: 400,
  body: { code: 'invalid_request', detail: 'the console does not understand this request' },
};

/**
 * Returns an action for requests that match the schema. It answers any other request with
 * `otherwise`.
 */
export const actionFor =
  <Request>(
    schema: v.GenericSchema<unknown, Request>,
    perform: (request: Request, ...rest: Rest) => ReturnType<Action>,
    otherwise = malformed,
  ): Action =>
  async (asked, ...rest) => {
    const { success, output } = v.safeParse(schema, asked);
    return success ? await perform(output, ...rest) : otherwise;
  };

type Rest = Parameters<Action> extends [unknown, ...infer Rest] ? Rest : never;

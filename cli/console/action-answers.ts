/** Builds the actions of the page: checks what the page asks, and turns failures into answers. */
import * as v from 'valibot';
import { isFailure } from '../../system/failures.ts';
import type { Action, Answer } from './server.ts';

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

/** The answer to a request that the console's own page never sends. */
export const malformed: Answer = {
  status: 400,
  body: { code: 'invalid_request', detail: 'the console does not know what the page asks' },
};

/** An action for requests of this schema. Any other request is answered with `otherwise`. */
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

/** Sizes of replies as AWS Lambda counts them: in the result of a function, serialised as JSON. */
import { fileReply } from '../../functions/http/env-requests.ts';
import { reply } from '../../functions/http/responses.ts';
import type { FileAnswer } from '../../functions/vault/submit-env.ts';

/** The largest result that AWS Lambda takes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const lambdaResultBytesMax = 6_291_556;

/** The size of the body as a JSON string, without its quotation marks. */
export const bodyBytesInResult = (body: string): number =>
  Buffer.byteLength(JSON.stringify(body)) - '""'.length;

/** The body of the reply for a file, from the code that sends it. */
export const fileBody = (form: 'json' | 'text', answer: FileAnswer): string =>
  reply(fileReply(answer, { reply: form }), 'the-request-id').body;

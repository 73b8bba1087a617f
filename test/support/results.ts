/** Sizes of replies as AWS Lambda counts them: in the result of a function, which its runtime serialises as JSON. */
import { fileReply } from '../../functions/http/env-requests.ts';
import { reply } from '../../functions/http/responses.ts';
import type { FileAnswer } from '../../functions/vault/env-file.ts';

/**
 * The largest result that AWS Lambda takes (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
 */
export const lambdaResultBytesMax = 6_291_556;

/** The bytes of the body as a string of JSON, without its quotation marks. */
export const bodyBytesInResult = (body: string): number =>
  Buffer.byteLength(JSON.stringify(body)) - '""'.length;

/** The body that is sent for a file, by the code that sends it. */
export const fileBody = (form: 'json' | 'text', answer: FileAnswer): string =>
  reply(fileReply({ reply: form }, answer), 'the-request-id').body;

/**
 * Measures replies as AWS Lambda does: as part of a function's result, which is serialised as JSON.
 */
import { fileReply } from '../../functions/http/env-requests.ts';
import { reply } from '../../functions/http/responses.ts';
import type { FileAnswer } from '../../functions/vault/submit-env.ts';

/**
 * The largest result that AWS Lambda accepts:
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const lambdaResultBytesMax = 6_291_556;

/**
 * Returns how many bytes the body takes in the result of a function: its size as a JSON string,
 * without the quotation marks.
 */
export const bodyBytesInResult = (body: string): number =>
  Buffer.byteLength(JSON.stringify(body)) - '""'.length;

/**
 * Returns the body of the reply with which the vault answers a request for a file, made by the
 * vault's own code.
 */
export const fileBody = (form: 'json' | 'text', answer: FileAnswer): string =>
  reply(fileReply(answer, { reply: form }), 'the-request-id').body;

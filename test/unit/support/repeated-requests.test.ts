import { describe, expect, it, jest } from '@jest/globals';
import { problem } from '../../../functions/http/responses.ts';
import { ApiError, type ErrorCode } from '../../../functions/model/errors.ts';
import type { RawReply } from '../../support/raw-http.ts';
import { sendUntilFinal } from '../../support/repeated-requests.ts';

const replyOf = (status: number, type: string, text: string, headers = {}): RawReply => ({
  ...{ status, text },
  headers: new Map(Object.entries({ 'content-type': type, ...headers })),
});
/** Returns what API Gateway and LocalStack answer if a function does not answer in time. */
const ofGateway = (status: number) =>
  replyOf(status, 'application/json', '{"message": "Internal server error"}');
const refusal = (code: ErrorCode, retryable?: boolean): RawReply => {
  const error = new ApiError(code, 'x', retryable === undefined ? {} : { retryable });
  const { status, body } = problem(error, 'r-1');
  return replyOf(status, 'application/problem+json', body);
};
const created = replyOf(201, 'application/json', '{}');

/**
 * Sends until the answer is final. The gateway gives these answers in order, and then repeats the
 * last one.
 */
const send = async (isSafe: boolean, ...answers: readonly [RawReply, ...RawReply[]]) => {
  const [check, wait] = [jest.fn(), jest.fn(async (_ms: number) => undefined)];
  let sent = 0;
  const next = async () => answers[Math.min(sent++, answers.length - 1)] ?? answers[0];
  const { status, tries } = await sendUntilFinal(next, { triesMax: 50, isSafe, check, wait });
  const waitedMs = wait.mock.calls.map(([ms]) => ms);
  return { status, tries, checked: check.mock.calls.length, waitedMs };
};

describe("the test client behind a gateway other than the vault's own", () => {
  it.each([
    ['502 of the gateway', ofGateway(502), 1],
    ['504 of the gateway', ofGateway(504), 1],
    ['503 outcome_unknown', refusal('outcome_unknown'), 3],
    ['503 store_unavailable', refusal('store_unavailable'), 3],
    [
      '503 master_key_unavailable, if it may be repeated',
      refusal('master_key_unavailable', true),
      3,
    ],
    ['429 throttled', refusal('throttled'), 3],
  ])('retries a read, or a write with a key, after %s', async (_, failed, checked) => {
    const answer = { status: 201, tries: 3, checked, waitedMs: [200, 200] };
    expect(await send(true, failed, failed, created)).toEqual(answer);
  });

  it.each([
    ['502 of the gateway', ofGateway(502), 1],
    ['503 outcome_unknown', refusal('outcome_unknown'), 1],
    ['429 throttled, after which nothing is stored', refusal('throttled'), 2],
  ])('retries a write without a key only if nothing was stored: %s', async (_, failed, tries) => {
    expect(await send(false, failed, created)).toMatchObject({ tries });
  });

  it.each([
    ['409', refusal('secret_exists')],
    ['500 of the vault', refusal('internal')],
    ['500 of the gateway', ofGateway(500)],
    ['503 that cannot be repeated', refusal('master_key_unavailable', false)],
    ['503 in the gateway’s own words', ofGateway(503)],
    ['429 that is not a problem document', { ...created, status: 429, text: '{"retryable":true}' }],
  ])('takes %s for the final answer, and checks it', async (_, failed) => {
    const { status } = failed;
    expect(await send(true, failed, created)).toMatchObject({ status, tries: 1, checked: 1 });
  });

  it('stops after 50 attempts, and waits as long as each answer says', async () => {
    const { status, text } = refusal('throttled');
    const throttled = replyOf(status, 'application/problem+json', text, { 'retry-after': '3' });
    expect(await send(true, throttled)).toEqual({
      ...{ status: 429, tries: 50, checked: 50 },
      waitedMs: Array(49).fill(3_000),
    });
  });
});

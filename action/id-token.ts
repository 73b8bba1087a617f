/**
 * Requests the token (JWT) that GitHub signs for a job, with its repository, branch and
 * environment.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { variable } from '../system/environment.ts';
import { type Failure, failure, isFailure, systemCodeOf } from '../system/failures.ts';

const attemptsMax = 4;
const timeoutMs = 10_000;
const backoffFirstMs = 250;

/**
 * Requests a token for this audience. Throws a failure if the job may not have one, or if GitHub
 * returns none.
 */
export const requestIdToken = async (audience: string): Promise<string> => {
  const address = variable('ACTIONS_ID_TOKEN_REQUEST_URL');
  const bearer = variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN');
  if (address === undefined || bearer === undefined) {
    throw failure(
      'GitHub gives this job no token: add "id-token: write" to the permissions of the job. ' +
        'A pull request from a fork never gets one.',
      { kind: 'denied' },
    );
  }
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await ask(url, bearer);
    if (typeof outcome === 'string') return outcome;
    if (!outcome.mayPass || attempt === attemptsMax) throw outcome.failure;
    await sleep(backoffFirstMs * 2 ** attempt * Math.random());
  }
};

type TokenRefusal = { readonly failure: Failure; readonly mayPass: boolean };

const ask = async (url: URL, bearer: string): Promise<string | TokenRefusal> => {
  try {
    const response = await fetch(url, {
      headers: { Accept: 'application/json', Authorization: `Bearer ${bearer}` },
      // Following a redirect would send the bearer token to another server.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status } = response;
    if (status !== 200) {
      const mayPass = status >= 500 || status === 429;
      const sentence = `GitHub gave no token: its answer was ${status}`;
      return { failure: failure(sentence, { kind: mayPass ? 'unavailable' : 'denied' }), mayPass };
    }
    const { value } = (await response.json()) as { readonly value?: unknown };
    if (typeof value === 'string' && value !== '') return value;
    throw failure('GitHub answered without a token');
  } catch (error) {
    if (isFailure(error)) throw error;
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const sentence = `GitHub gave no token: no answer (${systemCodeOf(cause)})`;
    return { failure: failure(sentence, { kind: 'unavailable', cause: error }), mayPass: true };
  }
};

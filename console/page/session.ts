/** The session of this page with the server of the console. Its token is only in this module's memory. */
import type { Report } from '../../cli/problem.ts';
import type { BodyOf, OperationId, QueryOf, ReplyOf } from '../../client/types.ts';

/** An action was refused. The problem is the vault's own, or one that the console makes. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: Pick<Report, 'code' | 'detail' | 'requestId' | 'errors'>;

  constructor(problem: Refusal['problem']) {
    super(problem.detail);
    this.problem = problem;
  }
}

export type Asked<Id extends OperationId> = {
  readonly name?: string;
  readonly version?: number;
  readonly ifVersion?: number;
  readonly idempotencyKey?: string;
  readonly query?: QueryOf<Id>;
  readonly body?: BodyOf<Id>;
};

let token: string | undefined;

/**
 * Opens the session with the code of the address, and removes the code from the address. Returns whether there is a
 * session. After a reload there is none, because nothing of it is stored.
 */
export const openSession = async (): Promise<boolean> => {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return false;
  history.replaceState(null, '', '/#/');
  const response = await fetch('/session', { method: 'POST', body: code });
  if (response.ok) token = (await response.json()).token;
  return response.ok;
};

/** Performs an action of the server, such as an operation of the vault. Throws a `Refusal`. */
export const act = async (
  action: string,
  asked: unknown,
  signal?: AbortSignal,
): Promise<Response> => {
  const response = await reach(action, asked, signal);
  if (response.ok) return response;
  if (response.status === 401 && response.headers.get('content-type') === null) {
    throw new Refusal({ code: 'no_session', detail: 'This page has no session any more.' });
  }
  throw new Refusal(await response.json().catch(() => unreadable));
};

const unreadable = { code: 'unreadable', detail: 'The console gave no readable answer.' };

const reach = async (action: string, asked: unknown, signal?: AbortSignal): Promise<Response> => {
  try {
    return await fetch(`/actions/${action}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Console-Session': token ?? '' },
      body: JSON.stringify(asked),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal({
      code: 'console_ended',
      detail: 'The console has ended. Start it again with dsvault console.',
    });
  }
};

/** Asks the vault. Throws a `Refusal`. */
export const ask = async <Id extends OperationId>(
  id: Id,
  asked: Asked<Id> = {},
  signal?: AbortSignal,
): Promise<ReplyOf<Id>> => (await act(id, asked, signal)).json();

/** The parts of an endless answer, one JSON document a line. Throws a `Refusal` if the last line is a problem. */
export async function* follow<Part>(
  action: string,
  asked: unknown,
  signal: AbortSignal,
): AsyncGenerator<Part> {
  const { body } = await act(action, asked, signal);
  // Safari cannot read a stream with `for await`.
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done = true, value = '' } = (await reader?.read()) ?? {};
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const part = JSON.parse(line);
      if (part.problem) throw new Refusal(part.problem);
      yield part;
    }
  }
}

/**
 * The page's session with the server of the console. The key exists only in this module's memory.
 */

import type { BodyOf, OperationId, QueryOf, ReplyOf } from '../../../client/types.ts';
import type { Report } from '../../../system/problem-report.ts';
import {
  deriveKey,
  type Key,
  purposeOfAnswer,
  requestBytesMax,
  type SharedSecret,
  seal,
  unseal,
} from '../sealing.ts';

/** A refused action, with the problem that the vault or the console reported. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: Pick<Report, 'code' | 'detail' | 'requestId'>;

  constructor(problem: Refusal['problem']) {
    super(problem.detail);
    this.problem = problem;
  }
}

export type OperationInput<Id extends OperationId> = {
  readonly name?: string;
  readonly version?: number;
  readonly ifVersion?: number;
  readonly idempotencyKey?: string;
  readonly query?: QueryOf<Id>;
  readonly body?: BodyOf<Id>;
};

type Session = { readonly id: string; readonly key: Key };

let session: Session | undefined;

/**
 * Opens a session with the code from the address, and removes the code from the address. Returns
 * whether that worked. After a reload there is no session, because it is not stored anywhere.
 */
export const openSession = async (): Promise<boolean> => {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return false;
  history.replaceState(null, '', '/#/');
  const [id = '', secret = ''] = code.split('.');
  try {
    const pass = await lastOf(
      exchange<SharedSecret>(await sessionOf({ id, secret }), '/session', {}),
    );
    session = await sessionOf(pass);
    return true;
  } catch {
    return false;
  }
};

const sessionOf = async ({ id, secret }: SharedSecret): Promise<Session> => ({
  ...{ id, key: await deriveKey(secret) },
});

/** Performs an action of the console's server. Throws a `Refusal`. */
export const act = <Reply>(
  action: string,
  request: unknown = {},
  signal?: AbortSignal,
): Promise<Reply> => lastOf(follow<Reply>(action, request, signal));

/** Performs an operation of the vault. Throws a `Refusal`. */
export const ask = <Id extends OperationId>(
  id: Id,
  request: OperationInput<Id> = {},
  signal?: AbortSignal,
): Promise<ReplyOf<Id>> => act(id, request, signal);

/** Yields the parts of an answer as they arrive. Throws a `Refusal`. */
export async function* follow<Part>(
  action: string,
  request: unknown,
  signal?: AbortSignal,
): AsyncGenerator<Part> {
  if (session === undefined) throw new Refusal(unproven);
  try {
    yield* exchange<Part>(session, `/actions/${action}`, request, signal);
  } catch (error) {
    // Another program answers at the console's address, so the page sends nothing more there.
    if (error instanceof Refusal && error.problem === unproven) session = undefined;
    throw error;
  }
}

const lastOf = async <Part>(parts: AsyncGenerator<Part>): Promise<Part> => {
  let last: { readonly part: Part } | undefined;
  for await (const part of parts) last = { part };
  if (last === undefined) throw new Refusal(unproven);
  return last.part;
};

/** Sends a sealed request, and yields each part of the answer once it has been authenticated. */
async function* exchange<Part>(
  { id, key }: Session,
  path: string,
  request: unknown,
  signal?: AbortSignal,
): AsyncGenerator<Part> {
  const sealed = await seal(key, request, path);
  if (sealed.length > requestBytesMax) throw new Refusal(tooLarge);
  let count = 0;
  try {
    for await (const line of linesOf(path, id, sealed, signal)) {
      const { status, body } = await unsealed(key, line, purposeOfAnswer(sealed, count));
      count += 1;
      if (status === 102) tellSilence(String(body));
      else if (status >= 400) throw new Refusal(body as Refusal['problem']);
      else yield body as Part;
    }
  } finally {
    tellSilence(undefined);
  }
}

const silence = 'silence';

const tellSilence = (who: string | undefined): void =>
  void dispatchEvent(new CustomEvent(silence, { detail: who }));

/**
 * Calls `heard` with whom the page is waiting for, such as `node 2`, and with `undefined` once the
 * request has ended. Returns a function that unsubscribes.
 */
export const onSilence = (heard: (who: string | undefined) => void): (() => void) => {
  // If the event was made without a detail, `CustomEvent` sets its detail to `null`.
  const listener = (event: Event) =>
    heard((event as CustomEvent<string | null>).detail ?? undefined);
  addEventListener(silence, listener);
  return () => removeEventListener(silence, listener);
};

const unsealed = async (key: Key, line: string, purpose: string) => {
  try {
    const bytes = Uint8Array.from(atob(line), (character) => character.charCodeAt(0));
    return (await unseal(key, bytes, purpose)) as {
      readonly status: number;
      readonly body: unknown;
    };
  } catch {
    throw new Refusal(unproven);
  }
};

/** Yields the lines of an answer. They are not authenticated yet. */
async function* linesOf(
  path: string,
  id: string,
  body: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const headers = { 'X-Console-Session': id };
  const init = { method: 'POST', headers, body, ...(signal && { signal }) };
  const ifReached = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      throw signal?.aborted ? error : new Refusal(ended);
    }
  };
  const response = await ifReached(fetch(path, init));
  if (!response.ok || response.body === null) throw new Refusal(unproven);
  // Safari cannot read a stream with `for await`.
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value = '' } = await ifReached(reader.read());
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

const tooLarge = {
  code: 'too_large',
  detail: 'This is larger than 2 MiB, which is the most that the console accepts.',
};

const ended = {
  code: 'console_ended',
  detail: 'The console has ended. Start it again with dsvault console.',
};

/**
 * Thrown if an answer was not sealed by the server that opened this session, and from then on for
 * every request.
 */
const unproven = {
  code: 'console_gone',
  detail:
    'The console that opened this page is gone, and this page does not trust what answers at its address now. Nothing that you typed here can be read there. Close this tab, and start dsvault console again.',
};

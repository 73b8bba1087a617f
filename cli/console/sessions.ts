/**
 * Decides who may use the console: a page that knows a code from this process. A code works once,
 * within a minute, and opens a session. Codes and sessions both consist of an id and of the secret
 * that seals all their messages.
 */
import { randomBytes } from 'node:crypto';
import type { SharedSecret } from './sealing.ts';

const codeLivesMs = 60_000;
/**
 * The largest number of open sessions, far more than a person has tabs open. One more session ends
 * the oldest.
 */
const sessionsMax = 16;

export type Sessions = {
  /** Creates a code. Earlier unused codes stay valid until they expire. */
  readonly newCode: () => SharedSecret;
  /** Returns the secret of a code; `undefined` if the code is unknown, used or expired. */
  readonly findCode: (id: string) => string | undefined;
  /**
   * Uses up the code and returns a new session; `undefined` if `findCode` does not find the code.
   */
  readonly open: (codeId: string) => SharedSecret | undefined;
  /** Returns the secret of an open session. */
  readonly findSession: (id: string) => string | undefined;
};

/** `now` returns milliseconds of a monotonic clock. */
export const createSessions = (now: () => number): Sessions => {
  const codes = new Map<string, { readonly secret: string; readonly endsAt: number }>();
  const sessions = new Map<string, string>();
  const findCode = (id: string): string | undefined => {
    for (const [known, { endsAt }] of codes) if (now() >= endsAt) codes.delete(known);
    return codes.get(id)?.secret;
  };
  return {
    newCode: () => {
      const code = newPass();
      codes.set(code.id, { secret: code.secret, endsAt: now() + codeLivesMs });
      return code;
    },
    findCode,
    open: (codeId) => {
      if (findCode(codeId) === undefined) return undefined;
      codes.delete(codeId);
      const session = newPass();
      sessions.set(session.id, session.secret);
      if (sessions.size > sessionsMax) sessions.delete([...sessions.keys()][0] ?? '');
      return session;
    },
    findSession: (id) => sessions.get(id),
  };
};

const newPass = (): SharedSecret => ({ id: newText(), secret: newText() });

const newText = (): string => randomBytes(32).toString('base64url');

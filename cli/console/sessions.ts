/**
 * Who may use the console: a page that knows a code which this process gave out. A code works once, for a
 * minute, and opens a session. Code and session are each a pass: an id, and the secret with which all their
 * messages are sealed.
 */
import { randomBytes } from 'node:crypto';
import type { SharedSecret } from './sealing.ts';

const codeLivesMs = 60_000;
/** Far more than a person has tabs. Another session ends the oldest one. */
const sessionsMax = 16;

export type Sessions = {
  /** A new code. Earlier codes that were not used yet stay valid until their minute is over. */
  readonly newCode: () => SharedSecret;
  /** The secret of a code; `undefined` if the code is unknown, used or too old. */
  readonly findCode: (id: string) => string | undefined;
  /** The session for a code, which is used up by that; `undefined` if `findCode` does not find the code. */
  readonly open: (codeId: string) => SharedSecret | undefined;
  /** The secret of an open session. */
  readonly findSession: (id: string) => string | undefined;
};

/** `now` returns milliseconds of a clock that does not jump. */
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

/**
 * Who may use the console: a page that knows a code which this process gave out. A code works once, for a minute. It buys
 * a token, which the page keeps in its memory.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';

const codeLivesMs = 60_000;
/** Far more than a person has tabs. Another session ends the oldest one. */
const sessionsMax = 16;

export type Sessions = {
  /** A new code. Earlier codes that were not used yet stay valid until their minute is over. */
  readonly newCode: () => string;
  /** The token for a code; `undefined` if the code is unknown, used or too old. */
  readonly open: (code: string) => string | undefined;
  readonly isOpen: (token: string) => boolean;
};

/** `now` returns milliseconds of a clock that does not jump. */
export const createSessions = (now: () => number): Sessions => {
  /** Each code with the end of its minute. */
  const codes = new Map<string, number>();
  const tokens = new Set<string>();
  return {
    newCode: () => {
      const code = newSecret();
      codes.set(code, now() + codeLivesMs);
      return code;
    },
    open: (code) => {
      for (const [known, endsAt] of codes) if (now() >= endsAt) codes.delete(known);
      const found = [...codes.keys()].find((known) => isSame(known, code));
      if (found === undefined) return undefined;
      codes.delete(found);
      const token = newSecret();
      tokens.add(token);
      if (tokens.size > sessionsMax) tokens.delete([...tokens][0] ?? '');
      return token;
    },
    isOpen: (token) => [...tokens].some((known) => isSame(known, token)),
  };
};

const newSecret = (): string => randomBytes(32).toString('base64url');

/** Compares in the same time whatever the texts have in common. */
const isSame = (known: string, given: string): boolean => {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
};

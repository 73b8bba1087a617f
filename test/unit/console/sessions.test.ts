import { describe, expect, it } from '@jest/globals';
import type { SharedSecret } from '../../../cli/console/sealing.ts';
import { createSessions } from '../../../cli/console/sessions.ts';

const setUp = () => {
  let nowMs = 1_000;
  const sessions = createSessions(() => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const openNew = (): SharedSecret =>
    sessions.open(sessions.newCode().id) ?? { id: '', secret: '' };
  return { ...sessions, pass, openNew };
};

describe('the sessions of the console', () => {
  it('open one session for a code, and none if the code is used again', () => {
    const { newCode, findCode, open, findSession } = setUp();
    const code = newCode();
    expect(findCode(code.id)).toBe(code.secret);
    const session = open(code.id);
    expect(session?.id).toMatch(/^[\w-]{43}$/);
    expect(session?.secret).toMatch(/^[\w-]{43}$/);
    expect(findSession(session?.id ?? '')).toBe(session?.secret);
    expect([findCode(code.id), open(code.id)]).toEqual([undefined, undefined]);
  });

  it('accept a code for 60 s, and refuse it afterwards', () => {
    const { newCode, findCode, open, pass } = setUp();
    const [early, late] = [newCode(), newCode()];
    pass(59_999);
    expect(open(early.id)).toBeDefined();
    pass(1);
    expect([findCode(late.id), open(late.id)]).toEqual([undefined, undefined]);
  });

  it('refuse an unknown text, a secret in place of an id, and the id of a code in place of a session’s', () => {
    const { newCode, findCode, findSession, openNew } = setUp();
    const [code, session] = [newCode(), openNew()];
    for (const wrong of ['', 'x', 'constructor', code.secret, session.secret, session.id]) {
      expect(findCode(wrong)).toBeUndefined();
    }
    for (const wrong of ['', 'x', 'constructor', code.secret, session.secret, code.id]) {
      expect(findSession(wrong)).toBeUndefined();
    }
  });

  it('keep unused codes valid when a new one is made, and stay open for longer than a minute', () => {
    const { newCode, open, findSession, openNew, pass } = setUp();
    const code = newCode();
    const session = openNew();
    newCode();
    expect(open(code.id)).toBeDefined();
    pass(86_400_000);
    newCode();
    expect(findSession(session.id)).toBe(session.secret);
  });

  it('have ids and secrets that never repeat', () => {
    const { newCode, openNew } = setUp();
    const made = Array.from({ length: 100 }, () => [newCode(), openNew()]).flat();
    expect(new Set(made.flatMap(({ id, secret }) => [id, secret])).size).toBe(400);
  });

  it('lose the oldest session when a seventeenth is opened', () => {
    const { findSession, openNew } = setUp();
    const sessions = Array.from({ length: 16 }, openNew);
    const isOpen = ({ id }: SharedSecret) => findSession(id) !== undefined;
    expect(sessions.every(isOpen)).toBe(true);
    const last = openNew();
    expect(sessions.map(isOpen)).toEqual([false, ...sessions.slice(1).map(() => true)]);
    expect(isOpen(last)).toBe(true);
  });
});

import { describe, expect, it } from '@jest/globals';
import { createSessions } from '../../../console/sessions.ts';

const setUp = () => {
  let nowMs = 1_000;
  const sessions = createSessions(() => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const open = (): string => sessions.open(sessions.newCode()) ?? '';
  return { ...sessions, pass, openNew: open };
};

describe('the sessions of the console', () => {
  it('give one token for a code, and none when the code comes again', () => {
    const { newCode, open, isOpen } = setUp();
    const code = newCode();
    const token = open(code);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(isOpen(token ?? '')).toBe(true);
    expect(open(code)).toBeUndefined();
  });

  it('accept a code for 60 s, and refuse it from then on', () => {
    const { newCode, open, pass } = setUp();
    const [early, late] = [newCode(), newCode()];
    pass(59_999);
    expect(open(early)).toBeDefined();
    pass(1);
    expect(open(late)).toBeUndefined();
  });

  it('refuse unknown codes and tokens, also those that begin as a valid one does', () => {
    const { newCode, open, isOpen, openNew } = setUp();
    const code = newCode();
    const token = openNew();
    for (const wrong of ['', 'x', code.slice(0, -1), `${code}A`]) {
      expect(open(wrong)).toBeUndefined();
    }
    for (const wrong of ['', 'x', token.slice(0, -1), `${token}A`, code]) {
      expect(isOpen(wrong)).toBe(false);
    }
    expect(open(code)).toBeDefined();
  });

  it('keep unused codes valid when a new one is made, and tokens valid beyond a minute', () => {
    const { newCode, open, isOpen, openNew, pass } = setUp();
    const code = newCode();
    const token = openNew();
    newCode();
    expect(open(code)).toBeDefined();
    pass(86_400_000);
    newCode();
    expect(isOpen(token)).toBe(true);
  });

  it('make codes and tokens that never come again', () => {
    const { newCode, openNew } = setUp();
    const made = Array.from({ length: 100 }, () => [newCode(), openNew()]).flat();
    expect(new Set(made).size).toBe(200);
  });

  it('end the oldest session when a seventeenth one is opened', () => {
    const { isOpen, openNew } = setUp();
    const tokens = Array.from({ length: 16 }, openNew);
    expect(tokens.every(isOpen)).toBe(true);
    const last = openNew();
    expect(tokens.map(isOpen)).toEqual([false, ...tokens.slice(1).map(() => true)]);
    expect(isOpen(last)).toBe(true);
  });
});

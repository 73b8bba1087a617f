/** Checks a file while it is being typed. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Mark } from './coloured-spans.ts';
import { type Check, type CheckInput, checkFile } from './file-check.ts';
import type { Finding } from './findings.tsx';
import { lineStarts, markAt, offsetAt, shiftMarks } from './text-positions.ts';

/**
 * Checking a large file would delay every key press, so the check waits for a pause in the typing.
 */
const pauseMs = 250;

export type CheckState = {
  /** The result of the last check. While a person types, it belongs to an older text. */
  readonly check: Check;
  readonly checkNow: () => Check;
};

/**
 * Checks the file after a pause in the typing. `input` must be the same object while its fields are
 * unchanged, because each new object starts another check.
 */
export const useCheck = (input: CheckInput): CheckState => {
  const [check, setCheck] = useState(() => checkFile(input));
  const checkNow = () => {
    const fresh = checkFile(input);
    setCheck(fresh);
    return fresh;
  };
  useEffect(() => {
    const timer = setTimeout(checkNow, pauseMs);
    return () => clearTimeout(timer);
  }, [input]);
  return { check, checkNow };
};

/**
 * Returns the parts of the text to mark as faulty. The marks move with the text while a person
 * types, until the next check.
 */
export const useMarks = (text: string, findings: readonly Finding[]): readonly Mark[] => {
  const made = useMemo(() => {
    const starts = lineStarts(text);
    const faults = findings.filter(({ isWarning }) => !isWarning);
    return { text, marks: faults.map((fault) => markAt(text, offsetAt(text, starts, fault))) };
  }, [findings]);
  return useMemo(() => shiftMarks(made.marks, made.text, text), [made, text]);
};

/** Checks of a file while it is being typed. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Mark } from './coloured-spans.ts';
import { type Check, type CheckInput, checkFile } from './file-check.ts';
import type { Finding } from './findings.tsx';
import { lineStarts, markAt, offsetAt, shiftMarks } from './text-positions.ts';

/** A check of a large file takes longer than a key press may, so it waits for a pause. */
const pauseMs = 250;

export type CheckState = {
  /** The last check, which is of an older text while a person types. */
  readonly check: Check;
  readonly checkNow: () => Check;
};

/** `input` must be the same object while its fields are unchanged. */
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

/** The marks of findings, which move with the text until the next check. */
export const useMarks = (text: string, findings: readonly Finding[]): readonly Mark[] => {
  const made = useMemo(() => {
    const starts = lineStarts(text);
    const faults = findings.filter(({ isWarning }) => !isWarning);
    return { text, marks: faults.map((fault) => markAt(text, offsetAt(text, starts, fault))) };
  }, [findings]);
  return useMemo(() => shiftMarks(made.marks, made.text, text), [made, text]);
};

/**
 * The state of the workbench: the file in the editor, the person's choices for it, and the vault's
 * last answer.
 */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Adoption } from '../../../../functions/env/adoption.ts';
import { findHeldValues } from '../../../../functions/env/adoption.ts';
import type { Dialect } from '../../../../functions/env/dialects/dialect.ts';
import type { AdoptReply } from '../../page-documents.ts';
import { useCaller } from '../caller.ts';
import { lacks } from '../permissions.ts';
import { useAction } from '../query-hooks.ts';
import { act, ask, Refusal } from '../session.ts';
import { adoptedFiles, sentencesAboutAdoption } from './adopted-answers.ts';
import { useCheck } from './check-hooks.ts';
import { useEditing } from './editing.ts';
import { bodyOf, filesOf, type ResultFile, sentencesAbout } from './env-requests.ts';
import { type Check, checkFile, type Mode } from './file-check.ts';
import { firstChoices } from './file-options.tsx';
import type { Finding } from './findings.tsx';
import { type NameStates, statesOfAnswer, statesOfRefusal } from './name-states.ts';

const noStates: NameStates = new Map();
const none: readonly Finding[] = [];

/** An answer of the vault. Its findings apply to the file that was sent. */
type Answer = {
  readonly sent: SentFile;
  readonly findings: readonly Finding[];
  readonly files: readonly ResultFile[];
  readonly isDryRun: boolean;
};

type SentFile = { readonly content: string; readonly mode: Mode; readonly dialect: Dialect };

export type Workbench = ReturnType<typeof useWorkbench>;

export const useWorkbench = () => {
  const [said, setSaid] = useState('');
  const [states, setStates] = useState(noStates);
  const editing = useEditing((next) => {
    setStates(noStates);
    setSaid(next.note ?? '');
  }, setSaid);
  const { text, content } = editing;
  const [choices, choose] = useState(firstChoices);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [answer, setAnswer] = useState<Answer>();
  const doing = useAction();
  const { keyOf, forgetKey } = useKey();
  const { mode: chosen, dialect, prefix, ticked } = choices;
  const checkInput = useMemo(
    () => ({ content, values: typed, dialect, mode: chosen, adopting: { prefix, ticked } }),
    [content, typed, dialect, chosen, prefix, ticked],
  );
  const { check, checkNow } = useCheck(checkInput);
  // The person may have chosen what to do with the file since the last check, and the choice counts
  // at once.
  const mode = chosen ?? check.mode;
  const caller = useCaller();
  const lacking =
    scopes[mode].map((scope) => lacks(caller, scope)).find(Boolean) ??
    (text === '' ? 'The editor is empty.' : undefined);

  const { sent } = answer ?? {};
  const isCurrent = sent?.content === content && sent.mode === mode && sent.dialect === dialect;
  const answered = answer && isCurrent ? answer.findings : none;
  // When the vault accepted the file, the typed values were cleared from their fields. The page's
  // own check now finds that they are missing, so its faults are not shown.
  const isDone = isCurrent && answer?.isDryRun === false && answer.files.length > 0;
  const faults = isDone ? none : check.faults;
  const findings = useMemo(
    () => [...faults, ...answered].sort((a, b) => a.line - b.line || a.column - b.column),
    [faults, answered],
  );

  /** Sends the file to the vault if the page's own check accepts it. */
  const run = (isDryRun: boolean) => {
    const { mode: present, needed, ...checked } = checkNow();
    // The label of the button came from the last check. If the new check leads to another action,
    // nothing is sent.
    if (!isDryRun && present !== mode) return;
    if (present === 'adopt') return adopt(checked, isDryRun);
    // A dry run stores nothing, so a placeholder value is enough to look up the names.
    const stands = isDryRun ? needed.map((name) => [name, 'x'] as const) : [];
    const tried = checkFile({ ...checkInput, values: new Map([...stands, ...typed]) });
    const { plan, refusal = 'the file has faults' } = tried;
    setAnswer(undefined);
    setStates(noStates);
    setSaid(plan ? '' : `Nothing was sent: ${refusal}.`);
    if (!plan) return;
    const sent = { content, mode: present, dialect };
    doing.begin(async (signal) => {
      const body = bodyOf(tried, content, choices, isDryRun);
      try {
        const idempotencyKey = keyOf(present, body);
        const reply = await ask(`${present}-env`, { body, idempotencyKey }, signal);
        if (!('content' in reply)) return;
        forgetKey();
        const warnings = reply.warnings.map(
          (one) => ({ ...one, column: 1, isWarning: true }) as const,
        );
        setStates(statesOfAnswer(plan, reply, isDryRun));
        setSaid(sentencesAbout(reply, isDryRun));
        // The vault resolves values for `expand` and `submit` even in a dry run. Only an encrypted
        // file contains none of them, so a dry run shows no other file.
        const files =
          isDryRun && present !== 'encrypt' ? [] : filesOf(present, plan, reply, isDryRun);
        setAnswer({ sent, findings: warnings, files, isDryRun });
        if (!isDryRun) setTyped(new Map());
      } catch (error) {
        if (error instanceof Refusal) {
          setStates(statesOfRefusal(plan, error.problem));
          setAnswer({ sent, findings: error.problem.errors ?? [], files: [], isDryRun });
        } else if (signal.aborted) setSaid(cancelled[present]);
        throw error;
      }
    });
  };

  const adopt = (
    { adoption, faults, refusal }: Omit<Check, 'mode' | 'needed'>,
    isDryRun: boolean,
  ) => {
    setAnswer(undefined);
    if (!adoption || faults.length > 0) {
      return setSaid(`Nothing was sent: ${refusal ?? 'the file has faults'}.`);
    }
    setSaid('');
    const sent = { content, mode: 'adopt', dialect } as const;
    doing.begin(async (signal) => {
      try {
        const { found } = await storeAdopted(adoption, choices.note, isDryRun, signal);
        setSaid(sentencesAboutAdoption(adoption, found, isDryRun));
        const findings = findHeldValues(adoption).map(
          (one) => ({ ...one, column: 1, isWarning: true }) as const,
        );
        setAnswer({ sent, findings, files: adoptedFiles(adoption, isDryRun), isDryRun });
      } catch (error) {
        if (error instanceof Refusal) {
          setAnswer({ sent, findings: error.problem.errors ?? [], files: [], isDryRun });
        } else if (signal.aborted) setSaid(mayHaveStored);
        throw error;
      }
    });
  };

  return {
    editing,
    choices,
    choose,
    /** The values that a person has typed, by the names in `enc()`. */
    typed,
    setTyped,
    check,
    mode,
    lacking,
    /** The faults and warnings from the page's own check and from the vault, in file order. */
    findings,
    /** How many faults the file has beyond those in the list of findings. */
    omitted: isDone ? 0 : check.faultsTotal - check.faults.length,
    run,
    doing,
    answer,
    states,
    /** The sentence about what happened last. */
    said,
  };
};

/**
 * Makes the idempotency keys of actions. `keyOf` returns the same key while a person repeats an
 * action unchanged, so that the action takes effect only once. `forgetKey` is called after a
 * success, so that the next action gets a new key.
 */
const useKey = () => {
  const last = useRef<{ readonly text: string; readonly key: string }>(undefined);
  return {
    keyOf: (...request: unknown[]): string => {
      const text = JSON.stringify(request);
      if (last.current?.text !== text) last.current = { text, key: crypto.randomUUID() };
      return last.current.key;
    },
    forgetKey: () => {
      last.current = undefined;
    },
  };
};

const scopes = {
  adopt: ['secrets:write'],
  encrypt: ['secrets:write'],
  expand: ['secrets:read'],
  submit: ['secrets:read', 'secrets:write'],
} as const;

const mayHaveStored =
  'Cancelled, but the vault may have stored the secrets anyway. A dry run shows whether it did.';
const cancelled = { encrypt: mayHaveStored, submit: mayHaveStored, expand: 'Cancelled.' } as const;

/** Stores all of the plain values or none. */
const storeAdopted = async (
  { secrets }: Adoption,
  note: string,
  isDryRun: boolean,
  signal: AbortSignal,
): Promise<AdoptReply> => {
  if (secrets.length === 0) return { found: [] };
  return await act<AdoptReply>(
    'adopt',
    {
      secrets: secrets.map(({ key: _, ...secret }) => secret),
      ...(note !== '' && { note }),
      ...(isDryRun && { dryRun: true }),
    },
    signal,
  );
};

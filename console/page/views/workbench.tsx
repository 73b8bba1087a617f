import { useMemo, useRef, useState } from 'preact/hooks';
import type { Dialect } from '../../../functions/env/dialects/dialect.ts';
import { ActionButton } from '../buttons.tsx';
import { useCaller } from '../caller.ts';
import { Dialog } from '../dialog.tsx';
import { Title } from '../page-title.tsx';
import { lacks } from '../permissions.ts';
import { useAction } from '../query-hooks.ts';
import { RefusalNotice, StillWaiting } from '../query-status.tsx';
import { useLeaving } from '../routes.ts';
import { ask, Refusal } from '../session.ts';
import { useCheck, useMarks } from '../workbench/check-hooks.ts';
import { Editor, moveCaret } from '../workbench/editor.tsx';
import { contentOf, type EditorFile, readEditorFile } from '../workbench/editor-file.ts';
import { bodyOf, filesOf, type ResultFile, sentencesAbout } from '../workbench/env-requests.ts';
import { checkFile, type Mode } from '../workbench/file-check.ts';
import { firstChoices, modeTitles, NeededValues, Options } from '../workbench/file-options.tsx';
import { type Finding, Findings, Names } from '../workbench/findings.tsx';
import { type NameStates, statesOfAnswer, statesOfRefusal } from '../workbench/name-states.ts';
import { Result } from '../workbench/result-file.tsx';
import { lineStarts, offsetAt, type Position } from '../workbench/text-positions.ts';
import '../workbench/workbench.css';

const nothing: EditorFile = { text: '', eol: '\n' };
const noStates: NameStates = new Map();

/** An answer of the vault. The findings hold for the file that was sent. */
type Answer = {
  readonly sent: SentFile;
  readonly findings: readonly Finding[];
  readonly files: readonly ResultFile[];
  readonly isDryRun: boolean;
};

type SentFile = { readonly content: string; readonly mode: Mode; readonly dialect: Dialect };

/** Checks, encrypts, expands and submits a `.env` file, which only this view holds. */
export const WorkbenchView = () => {
  const area = useRef<HTMLTextAreaElement>(null);
  const [opened, setOpened] = useState(nothing);
  const [text, setText] = useState('');
  const [replacing, setReplacing] = useState<EditorFile>();
  const [choices, setChoices] = useState(firstChoices);
  const [typed, setTyped] = useState<ReadonlyMap<string, string>>(new Map());
  const [states, setStates] = useState(noStates);
  const [answer, setAnswer] = useState<Answer>();
  const [said, setSaid] = useState('');
  const doing = useAction();
  const lastKey = useRef<{ readonly text: string; readonly key: string }>(undefined);
  const content = contentOf(text, opened.eol);
  const { mode: chosen, dialect } = choices;
  const checkInput = useMemo(
    () => ({ content, values: typed, dialect, mode: chosen }),
    [content, typed, dialect, chosen],
  );
  const { check, checkNow } = useCheck(checkInput);
  // The last check may be older than the choice.
  const mode = chosen ?? check.mode;
  const { sent } = answer ?? {};
  const isCurrent = sent?.content === content && sent.mode === mode && sent.dialect === dialect;
  const answered = answer && isCurrent ? answer.findings : none;
  // The vault has accepted the file with values that are no longer in their fields.
  const isDone = isCurrent && answer?.isDryRun === false && answer.files.length > 0;
  const faults = isDone ? none : check.faults;
  const findings = useMemo(
    () => [...faults, ...answered].sort((a, b) => a.line - b.line || a.column - b.column),
    [faults, answered],
  );
  const marks = useMarks(text, findings);
  const caller = useCaller();
  const lacking =
    scopes[mode].map((scope) => lacks(caller, scope)).find(Boolean) ??
    (text === '' ? 'The editor holds no file yet.' : undefined);
  const isLost = text !== '' && text !== opened.text;
  const leaving = useLeaving(isLost);

  const replace = (next: EditorFile) => {
    setReplacing(undefined);
    setOpened(next);
    setText(next.text);
    setStates(noStates);
    setSaid(next.note ?? '');
  };
  const open = async (file: File | null | undefined) => {
    if (!file) return;
    const next = readEditorFile(new Uint8Array(await file.arrayBuffer()));
    if ('refusal' in next) setSaid(next.refusal);
    else if (isLost) setReplacing(next);
    else replace(next);
  };
  const go = (position: Position) =>
    moveCaret(area.current, offsetAt(text, lineStarts(text), position), position);
  /** The same key while a person repeats a failed or cancelled action, so that the action has one effect. */
  const keyOf = (...request: unknown[]): string => {
    const text = JSON.stringify(request);
    if (lastKey.current?.text !== text) lastKey.current = { text, key: crypto.randomUUID() };
    return lastKey.current.key;
  };
  const run = (isDryRun: boolean) => {
    const { mode, needed } = checkNow();
    // A dry run stores nothing, so any value does to look the names up.
    const stands = isDryRun ? needed.map((name) => [name, 'x'] as const) : [];
    const tried = checkFile({ ...checkInput, values: new Map([...stands, ...typed]) });
    const { plan, refusal = 'the file has faults' } = tried;
    setAnswer(undefined);
    setStates(noStates);
    setSaid(plan ? '' : `Nothing was sent: ${refusal}.`);
    if (!plan) return;
    const sent = { content, mode, dialect };
    doing.begin(async (signal) => {
      const body = bodyOf(tried, content, choices, isDryRun);
      try {
        const reply = await ask(`${mode}-env`, { body, idempotencyKey: keyOf(mode, body) }, signal);
        if (!('content' in reply)) return;
        lastKey.current = undefined;
        const warnings = reply.warnings.map(
          (one) => ({ ...one, column: 1, isWarning: true }) as const,
        );
        setStates(statesOfAnswer(plan, reply, isDryRun));
        setSaid(sentencesAbout(reply, isDryRun));
        // The stand-ins of a dry run would show in an expanded file, and in no encrypted one.
        const files = isDryRun && mode !== 'encrypt' ? [] : filesOf(mode, plan, reply, isDryRun);
        setAnswer({ sent, findings: warnings, files, isDryRun });
        if (!isDryRun) setTyped(new Map());
      } catch (error) {
        if (error instanceof Refusal) {
          setStates(statesOfRefusal(plan, error.problem));
          setAnswer({ sent, findings: error.problem.errors ?? [], files: [], isDryRun });
        } else if (signal.aborted) setSaid(cancelled[mode]);
        throw error;
      }
    });
  };
  const replaceQuestion = replacing && {
    ...{ title: 'Replace the text?', yes: 'Replace it', no: 'Keep it' },
    ...{ onYes: () => replace(replacing), onNo: () => setReplacing(undefined) },
  };
  const leaveQuestion = leaving.isAsked && {
    ...{ title: 'Leave, and lose the text?', yes: 'Leave', no: 'Stay' },
    ...{ onYes: leaving.leave, onNo: leaving.stay },
  };
  const question = replaceQuestion || leaveQuestion;
  return (
    <main
      class="workbench"
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
      }}
      onDrop={(event) => {
        const file = event.dataTransfer?.files[0];
        if (file) event.preventDefault();
        void open(file);
      }}
    >
      <Title>.env workbench</Title>
      {/* `autocomplete` keeps browsers from restoring the fields in a tab that is opened again. */}
      <form class="sides" autocomplete="off" onSubmit={(event) => event.preventDefault()}>
        <div>
          <p class="row">
            <label>
              Open a file{' '}
              <input
                type="file"
                onChange={({ currentTarget }) => {
                  void open(currentTarget.files?.[0]);
                  currentTarget.value = '';
                }}
              />
            </label>
            {opened.eol === '\r\n' && (
              <button type="button" onClick={() => setOpened({ ...opened, eol: '\n' })}>
                Change its line ends from CRLF to LF
              </button>
            )}
          </p>
          <Editor area={area} text={text} marks={marks} states={states} onInput={setText} />
          {text === '' ? (
            <p id="findings">
              Open, paste or drop a file, or{' '}
              <button type="button" onClick={() => replace({ text: example, eol: '\n' })}>
                Try an example
              </button>
            </p>
          ) : (
            <Findings
              findings={findings}
              omitted={isDone ? 0 : check.faultsTotal - check.faults.length}
              onGo={go}
            />
          )}
        </div>
        <div>
          <Options mode={mode} choices={choices} onChoose={setChoices} />
          <NeededValues names={check.needed} values={typed} onInput={setTyped} />
          <p class="row">
            <ActionButton onClick={() => run(true)} lacks={lacking} lacksId="lacking">
              Dry run
            </ActionButton>
            <ActionButton kind="main" onClick={() => run(false)} lacks={lacking} lacksId="lacking">
              {modeTitles[mode]}
            </ActionButton>
            {doing.isBusy && (
              <button type="button" onClick={doing.cancel}>
                Cancel
              </button>
            )}
          </p>
          <p id="lacking" class="said" role="status">
            {lacking ?? (doing.isBusy ? <StillWaiting>Working …</StillWaiting> : said)}
          </p>
          <RefusalNotice refusal={doing.refusal} />
          <Names content={content} references={check.references} states={states} onGo={go} />
        </div>
      </form>
      {answer?.files.map((file) => (
        <Result
          key={file.title}
          file={file}
          isDryRun={answer.isDryRun}
          onUse={
            file.holdsValues ? undefined : () => setText(file.content.replaceAll('\r\n', '\n'))
          }
        />
      ))}
      {question && (
        <Dialog title={question.title} onClose={question.onNo}>
          <p>The text in the editor is kept nowhere else.</p>
          <p class="row">
            <button type="button" onClick={question.onNo}>
              {question.no}
            </button>
            <button type="button" class="danger" onClick={question.onYes}>
              {question.yes}
            </button>
          </p>
        </Dialog>
      )}
    </main>
  );
};

const example = `# an example: Encrypt stores the value, and puts a reference in its place
EXAMPLE_PASSWORD=hunter2
DATABASE_URL="postgres://shop:enc(EXAMPLE_PASSWORD)@db/shop"
`;

const none: readonly Finding[] = [];

const scopes = {
  encrypt: ['secrets:write'],
  expand: ['secrets:read'],
  submit: ['secrets:read', 'secrets:write'],
} as const;

const mayHaveStored =
  'Cancelled. The vault may have stored the secrets all the same: a dry run tells.';
const cancelled = { encrypt: mayHaveStored, submit: mayHaveStored, expand: 'Cancelled.' } as const;

import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { ActionButton } from '../buttons.tsx';
import { Dialog } from '../dialog.tsx';
import { Title } from '../page-title.tsx';
import { RefusalNotice, StillWaiting } from '../query-status.tsx';
import { useMarks } from '../workbench/check-hooks.ts';
import type { Editing } from '../workbench/editing.ts';
import { Editor, moveCaret } from '../workbench/editor.tsx';
import { modeTitles, NeededValues, Options } from '../workbench/file-options.tsx';
import { Findings, Names } from '../workbench/findings.tsx';
import { PlainValues } from '../workbench/plain-values.tsx';
import { Result } from '../workbench/result-file.tsx';
import { lineStarts, offsetAt, type Position } from '../workbench/text-positions.ts';
import { useWorkbench, type Workbench } from '../workbench/workbench-state.ts';
import '../workbench/workbench.css';

type SideProps = {
  readonly bench: Workbench;
  /** Puts the caret at a position of the file. */
  readonly onGo: (position: Position) => void;
};

/**
 * Adopts, encrypts, expands or submits a `.env` file. The text in the editor exists only while this
 * view is shown.
 */
export const WorkbenchView = () => {
  const bench = useWorkbench();
  const area = useRef<HTMLTextAreaElement>(null);
  const { editing, answer } = bench;
  const { text } = editing;
  const go = (position: Position) =>
    moveCaret(area.current, offsetAt(text, lineStarts(text), position), position);
  return (
    <main
      class="workbench"
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
      }}
      onDrop={(event) => {
        const file = event.dataTransfer?.files[0];
        if (file) event.preventDefault();
        void editing.open(file);
      }}
    >
      <Title>.env workbench</Title>
      {/* `autocomplete` keeps browsers from restoring the fields when a closed tab is reopened. */}
      <form class="sides" autocomplete="off" onSubmit={(event) => event.preventDefault()}>
        <FileSide bench={bench} area={area} onGo={go} />
        <ActionSide bench={bench} onGo={go} />
      </form>
      {answer?.files.map((file) => (
        <Result
          key={file.title}
          file={file}
          isDryRun={answer.isDryRun}
          onUse={
            file.holdsValues
              ? undefined
              : () => editing.setText(file.content.replaceAll('\r\n', '\n'))
          }
        />
      ))}
      <LossDialog editing={editing} />
    </main>
  );
};

const FileSide = ({
  bench: { editing, states, findings, omitted },
  area,
  onGo,
}: SideProps & { readonly area: RefObject<HTMLTextAreaElement | null> }) => {
  const { text, setText, eol } = editing;
  const marks = useMarks(text, findings);
  return (
    <div>
      <p class="row">
        <label>
          Open a file{' '}
          <input
            type="file"
            onChange={({ currentTarget }) => {
              void editing.open(currentTarget.files?.[0]);
              currentTarget.value = '';
            }}
          />
        </label>
        {eol === '\r\n' && (
          <button type="button" onClick={editing.endLinesWithLf}>
            Change the line endings from CRLF to LF
          </button>
        )}
      </p>
      <Editor area={area} text={text} marks={marks} states={states} onInput={setText} />
      {text === '' ? (
        <p id="findings">
          Open, paste or drop a file, or{' '}
          <button type="button" onClick={() => editing.replace({ text: example, eol: '\n' })}>
            Try an example
          </button>
        </p>
      ) : (
        <Findings findings={findings} omitted={omitted} onGo={onGo} />
      )}
    </div>
  );
};

const ActionSide = ({ bench, onGo }: SideProps) => {
  const { mode, check, lacking, doing } = bench;
  const side = useRef<HTMLDivElement>(null);
  const run = (isDryRun: boolean): void => {
    // If a field is invalid, the browser says so and nothing is sent. Without this check, an
    // invalid instant would be ignored, and the file expanded as of the instant chosen before it.
    if (side.current?.closest('form')?.reportValidity()) bench.run(isDryRun);
  };
  return (
    <div ref={side}>
      <Options mode={mode} choices={bench.choices} onChoose={bench.choose} />
      {mode === 'adopt' && check.adoption && (
        <PlainValues
          content={bench.editing.content}
          adoption={check.adoption}
          choices={bench.choices}
          onChoose={(some) => bench.choose({ ...bench.choices, ...some })}
        />
      )}
      <NeededValues names={check.needed} values={bench.typed} onInput={bench.setTyped} />
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
        {lacking ?? (doing.isBusy ? <StillWaiting>Working…</StillWaiting> : bench.said)}
      </p>
      <RefusalNotice
        refusal={doing.refusal}
        advice={
          mode === 'adopt' && doing.refusal?.problem.code === 'secret_exists'
            ? 'Untick these values in the list, or choose a prefix.'
            : undefined
        }
      />
      <Names
        content={bench.editing.content}
        references={check.references}
        states={bench.states}
        onGo={onGo}
      />
    </div>
  );
};

/** Asks before the text in the editor is replaced, or lost with the view. */
const LossDialog = ({ editing: { replacing, leaving } }: { readonly editing: Editing }) => {
  const replaceQuestion = replacing && {
    ...{ title: 'Replace the text?', yes: 'Replace it', no: 'Keep it' },
    ...{ onYes: replacing.yes, onNo: replacing.no },
  };
  const leaveQuestion = leaving.isAsked && {
    ...{ title: 'Leave and lose the text?', yes: 'Leave', no: 'Stay' },
    ...{ onYes: leaving.leave, onNo: leaving.stay },
  };
  const question = replaceQuestion || leaveQuestion;
  if (!question) return null;
  return (
    <Dialog title={question.title} onClose={question.onNo}>
      <p>The text in the editor is not saved anywhere else.</p>
      <p class="row">
        <button type="button" onClick={question.onNo}>
          {question.no}
        </button>
        <button type="button" class="danger" onClick={question.onYes}>
          {question.yes}
        </button>
      </p>
    </Dialog>
  );
};

const example = `# an example: Encrypt stores the value, and puts a reference in its place
EXAMPLE_PASSWORD=hunter2
DATABASE_URL="postgres://shop:enc(EXAMPLE_PASSWORD)@db/shop"
`;

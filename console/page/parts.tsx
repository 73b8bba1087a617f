/** Small parts that all views share. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type QueryState, refusalOf } from './asking.ts';
import { exactText, instantText } from './instants.ts';
import { keyGone } from './nodes.ts';
import { onSilence, type Refusal } from './session.ts';
import { useTell } from './telling.tsx';

/** The heading of a view, which names the tab, and has the focus when a person comes from another view. */
export const Title = ({ children }: { readonly children: string }) => {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const isFirst = document.title === startTitle;
    document.title = `${children} – Vault console`;
    if (!isFirst) heading.current?.focus();
  }, [children]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
};

/** The title of the document before any view. */
const startTitle = document.title;

/** Tells why something was refused, to screen readers too. `advice` says what to do. */
export const Refused = ({
  refusal,
  advice,
  again,
}: {
  readonly refusal: Refusal | undefined;
  readonly advice?: string | undefined;
  /** Asks again. It is offered where that may help, because the vault was away. */
  readonly again?: () => unknown;
}) =>
  refusal === undefined ? null : (
    <p class="refused" role="alert">
      {sentenceOf(refusal)} {advice} <code>{refusal.problem.code}</code>
      {refusal.problem.requestId && (
        <>
          {' '}
          <small>request {refusal.problem.requestId}</small>
        </>
      )}
      {again && passing.includes(refusal.problem.code) && (
        <>
          {' '}
          <button type="button" onClick={() => void again()}>
            Try again
          </button>
        </>
      )}
    </p>
  );

/** The codes of what may have passed by now. */
const passing = [
  ...['unreachable', 'store_unavailable', 'identity_unavailable', 'master_key_unavailable'],
  ...['throttled', 'request_timeout', 'outcome_unknown', 'internal', 'console_ended', 'failed'],
];

const sentenceOf = ({ problem: { code, detail } }: Refusal): string =>
  code === 'master_key_unavailable'
    ? keyGone
    : `${detail.charAt(0).toUpperCase()}${detail.slice(1).replace(/\.$/, '')}.`;

/** Shows that something is being waited for, once it takes long enough to be noticed. */
export const Waiting = ({
  isWaiting,
  children,
}: {
  readonly isWaiting: boolean;
  readonly children?: ComponentChildren;
}) => (
  <p class="waiting" role="status" aria-live="polite">
    {isWaiting && <StillWaiting>{children ?? 'Loading …'}</StillWaiting>}
  </p>
);

/** Shows that a question was refused, or that nothing has answered it yet. */
export const QueryStatus = ({
  of: { result, refusal, isWaiting, again },
  children,
}: {
  readonly of: QueryState<unknown>;
  readonly children?: ComponentChildren;
}) => (
  <>
    <Refused refusal={refusal} again={again} />
    {result === undefined && <Waiting isWaiting={isWaiting}>{children}</Waiting>}
  </>
);

/** Names who gives no answer, once that takes long; until then it shows what is being done. */
export const StillWaiting = ({ children }: { readonly children: ComponentChildren }) => {
  const [silent, setSilent] = useState<string>();
  useEffect(() => onSilence(setSilent), []);
  return <>{silent === undefined ? children : `No answer from ${silent} …`}</>;
};

/** An instant: the local time for people, the exact one for those who look closer. */
export const Instant = ({ at, isExact }: { readonly at: string; readonly isExact?: true }) => (
  <time dateTime={at} title={at}>
    {(isExact ? exactText : instantText)(Date.parse(at))}
  </time>
);

export type Row = {
  readonly key: string | number;
  /** One for each column. The first is the heading of the row. */
  readonly cells: readonly ComponentChildren[];
  readonly isChosen?: boolean;
};

/** A table. On a screen that is too narrow for its columns, each row becomes a card. */
export const Table = ({
  label,
  columns,
  rows,
  isBusy,
}: {
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly isBusy?: boolean;
}) => (
  <table class={useIsNarrow(columns.length) ? 'cards' : undefined} aria-busy={isBusy}>
    <caption class="hidden">{label}</caption>
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column} scope="col">
            {column}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map(({ key, cells: [head, ...cells], isChosen }) => (
        <tr key={key} class={isChosen ? 'chosen' : undefined}>
          <th scope="row">{head}</th>
          {cells.map((cell, index) => (
            <td key={columns[index + 1]} data-column={columns[index + 1]}>
              {cell}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

/**
 * Gives the focus to the heading if the element that had it is gone, such as the button that has led to the
 * last page. `inputs` are what such an element depends on.
 */
export const useFocusKept = (inputs: readonly unknown[]): void => {
  const isFirst = useRef(true);
  useEffect(() => {
    const isNew = isFirst.current;
    isFirst.current = false;
    if (isNew || document.activeElement !== document.body) return;
    document.querySelector('h1')?.focus({ preventScroll: true });
  }, inputs);
};

const useIsNarrow = (columns: number): boolean => {
  const query = matchMedia(`(max-width: ${Math.max(600, columns * 125)}px)`);
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const changed = () => setNarrow(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  return isNarrow;
};

/** The state of a thing in a word and a colour. */
export const Badge = ({ children }: { readonly children: string }) => (
  <span class={`badge ${children}`}>{children}</span>
);

/**
 * A button for an action. The text beside it says what the caller lacks, before anyone tries. `lacksId` names
 * the element with this text when several buttons share it.
 */
export const ActionButton = ({
  children,
  onClick,
  lacks,
  lacksId,
  kind,
}: {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  readonly lacks?: string | undefined;
  readonly lacksId?: string;
  readonly kind?: 'main' | 'danger';
}) => {
  const ownId = useId();
  if (lacks === undefined) {
    return (
      <button type="button" class={kind} onClick={onClick}>
        {children}
      </button>
    );
  }
  // A button that is disabled for the browser cannot have the focus, so nobody would hear why.
  return (
    <span class="lacking">
      <button type="button" aria-disabled="true" aria-describedby={lacksId ?? ownId}>
        {children}
      </button>
      {lacksId === undefined && <small id={ownId}>{lacks}</small>}
    </span>
  );
};

/** A command for another program, with a button that copies it. */
export const Command = ({ children }: { readonly children: string }) => {
  const tell = useTell();
  const copy = () =>
    navigator.clipboard.writeText(children).then(
      () => tell('Copied.'),
      () => tell('The browser does not let the console copy. Select the text and copy it.'),
    );
  return (
    <div class="command">
      <code>{children}</code>
      <button type="button" onClick={copy}>
        Copy <span class="hidden">{children}</span>
      </button>
    </div>
  );
};

const shownForMs = 30_000;

/** While something secret is shown, hides it after 30 s, and when the window loses the focus. */
export const useHiding = (isShown: boolean, hide: () => void): void =>
  useLayoutEffect(() => {
    if (!isShown) return;
    // The person may have gone to another window while the vault was asked.
    if (!document.hasFocus()) return hide();
    const timer = setTimeout(hide, shownForMs);
    addEventListener('blur', hide);
    document.addEventListener('visibilitychange', hide);
    return () => {
      clearTimeout(timer);
      removeEventListener('blur', hide);
      document.removeEventListener('visibilitychange', hide);
    };
  }, [isShown]);

/**
 * Shows a value that a person has asked for. It is hidden again after 30 s, and when the window loses the
 * focus. `read` fetches it anew each time, so that the page keeps no value that is not seen.
 */
export const Value = ({
  read,
  label,
}: {
  readonly read: () => Promise<string>;
  readonly label: string;
}) => {
  const [content, setContent] = useState<string>();
  const [fault, setFault] = useState('');
  const tell = useTell();
  const hide = () => setContent(undefined);
  useHiding(content !== undefined, hide);
  const use = (work: (value: string) => unknown) => async () => {
    setFault('');
    try {
      await work(await read());
    } catch (error) {
      setFault(sentenceOf(refusalOf(error)));
    }
  };
  return (
    <span class="value">
      {content === undefined ? (
        <span aria-hidden="true">••••••••</span>
      ) : (
        <output aria-label={label} translate={false}>
          {content}
        </output>
      )}
      <button type="button" onClick={content === undefined ? use(setContent) : hide}>
        {content === undefined ? 'Show' : 'Hide'} <span class="hidden">{label}</span>
      </button>
      <button type="button" onClick={use(async (value) => tell(await copyForAWhile(value)))}>
        Copy <span class="hidden">{label}</span>
      </button>
      {fault && (
        <small class="refused" role="alert">
          {fault}
        </small>
      )}
    </span>
  );
};

/** Copies a value and clears the clipboard after 30 s, if the browser allows it. Returns what to tell. */
export const copyForAWhile = async (value: string): Promise<string> => {
  await navigator.clipboard.writeText(value);
  setTimeout(() => whenFocused(() => void clearClipboard(value)), shownForMs);
  return 'Copied. The console tries to clear the clipboard in 30 s.';
};

/** No browser lets a page look at the clipboard or change it while its window has no focus. */
const whenFocused = (work: () => void): void => {
  if (document.hasFocus()) work();
  else addEventListener('focus', work, { once: true });
};

/** Another text, which a person has copied since, stays, if the browser lets the page look. */
const clearClipboard = async (value: string): Promise<void> => {
  const present = await navigator.clipboard.readText().catch(() => value);
  if (present === value) await navigator.clipboard.writeText('').catch(() => undefined);
};

/** A dialog over the page. It closes with Escape, and gives the focus back. */
export const Dialog = ({
  title,
  onCancel,
  onClose,
  children,
}: {
  readonly title: string;
  /** What Escape does; it closes the dialog unless this prevents it. */
  readonly onCancel?: (event: Event) => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // A dialog that vanishes does not give the focus back by itself. Its button may be gone, such as Delete
      // afterwards.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
      else document.querySelector('h1')?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onCancel={onCancel} onClose={onClose}>
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
};

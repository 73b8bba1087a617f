/** Small parts that all views share. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Refusal } from './session.ts';

/** Tells why something was refused, to screen readers too. */
export const Refused = ({ refusal }: { readonly refusal: Refusal | undefined }) =>
  refusal === undefined ? null : (
    <p class="refused" role="alert">
      {refusal.problem.detail} <code>{refusal.problem.code}</code>
      {refusal.problem.requestId && <small> request {refusal.problem.requestId}</small>}
    </p>
  );

/** Shows that something is being waited for, once it takes long enough to be noticed. */
export const Waiting = ({
  isWaiting,
  children,
}: {
  readonly isWaiting: boolean;
  readonly children?: ComponentChildren;
}) => (
  <p class="waiting" role="status" aria-live="polite">
    {isWaiting ? (children ?? 'Loading …') : ''}
  </p>
);

/** An instant: the local time for people, the exact one for those who look closer. */
export const Instant = ({ at }: { readonly at: string }) => (
  <time dateTime={at} title={at}>
    {new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })}
  </time>
);

const shownForMs = 30_000;

/** While something secret is shown, hides it after 30 s, and when the window loses the focus. */
export const useHiding = (isShown: boolean, hide: () => void): void =>
  useEffect(() => {
    if (!isShown) return;
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
 * Shows a value that a person has asked for. It is hidden again after 30 s, and when the window loses the focus. `read`
 * fetches it anew each time, so that the page keeps no value that is not seen.
 */
export const Value = ({
  read,
  label,
}: {
  readonly read: () => Promise<string>;
  readonly label: string;
}) => {
  const [value, setValue] = useState<string>();
  const [note, setNote] = useState('');
  const hide = () => setValue(undefined);
  useHiding(value !== undefined, hide);
  const told = (error: unknown) => setNote(error instanceof Error ? error.message : String(error));
  const show = () =>
    read().then((text) => {
      setNote('');
      setValue(text);
    }, told);
  const copy = () => read().then(copyForAWhile).then(setNote, told);
  return (
    <span class="value">
      {value === undefined ? (
        <span aria-hidden="true">••••••••</span>
      ) : (
        <output aria-label={label} translate={false}>
          {value}
        </output>
      )}
      <button type="button" onClick={value === undefined ? show : hide}>
        {value === undefined ? 'Show' : 'Hide'} <span class="hidden">{label}</span>
      </button>
      <button type="button" onClick={copy}>
        Copy <span class="hidden">{label}</span>
      </button>
      <small role="status">{note}</small>
    </span>
  );
};

/** Copies a value and clears the clipboard after 30 s, if the browser allows it. Returns what to tell. */
export const copyForAWhile = async (value: string): Promise<string> => {
  await navigator.clipboard.writeText(value);
  setTimeout(() => void clearClipboard(value), shownForMs);
  return 'Copied. The console tries to clear the clipboard in 30 s.';
};

/** Another text, which a person has copied since, stays, if the browser lets the page look. */
const clearClipboard = async (value: string): Promise<void> => {
  const present = await navigator.clipboard.readText().catch(() => value);
  if (present === value) await navigator.clipboard.writeText('').catch(() => undefined);
};

/** A dialog over the page. It closes with Escape, and gives the focus back. */
export const Dialog = ({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
};

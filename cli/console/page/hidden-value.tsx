/** Shows and copies values, for at most 30 s. */

import { useLayoutEffect, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { useLack } from './caller.ts';
import { refusalOf } from './query-hooks.ts';
import { sentenceOf } from './query-status.tsx';

const shownForMs = 30_000;

/**
 * Calls `hide` once a value has been shown (`isShown`) for 30 s, or as soon as the window loses the
 * focus.
 */
export const useHiding = (isShown: boolean, hide: () => void): void =>
  useLayoutEffect(() => {
    if (!isShown) return;
    // The person may have switched to another window while the vault was answering.
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
 * Shows a value on demand, for as long as `useHiding` allows. `read` fetches the value each time,
 * so that the page never holds a hidden one.
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
  const announce = useAnnounce();
  const lack = useLack('secrets:read');
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
  if (lack !== undefined) return <span class="soft">{lack}</span>;
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
      <button type="button" onClick={use(async (value) => announce(await copyForAWhile(value)))}>
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

/**
 * Copies a value, and clears the clipboard after 30 s if the browser allows it. Returns what to
 * announce.
 */
const copyForAWhile = async (value: string): Promise<string> => {
  await navigator.clipboard.writeText(value);
  setTimeout(() => whenFocused(() => void clearClipboard(value)), shownForMs);
  return 'Copied. The console will try to clear the clipboard in 30 s.';
};

/**
 * Does the work now, or as soon as the window has the focus: without it, browsers do not let a page
 * read or write the clipboard.
 */
const whenFocused = (work: () => void): void => {
  if (document.hasFocus()) work();
  else addEventListener('focus', work, { once: true });
};

/**
 * Clears the clipboard unless it holds something else by now. If the browser does not let the page
 * read the clipboard, the page clears it anyway.
 */
const clearClipboard = async (value: string): Promise<void> => {
  const present = await navigator.clipboard.readText().catch(() => value);
  if (present === value) await navigator.clipboard.writeText('').catch(() => undefined);
};

/** Values that a person sees or copies, for 30 s at most. */

import { useLayoutEffect, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { useLack } from './caller.ts';
import { refusalOf } from './query-hooks.ts';
import { sentenceOf } from './query-status.tsx';

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
 * Shows a value on demand, for 30 s at most, and hides it when the window loses the focus. `read` fetches the
 * value anew each time, so that the page keeps no hidden value.
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

/** Copies a value and clears the clipboard after 30 s, if the browser allows it. Returns the announcement. */
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

/** Keeps another text, copied since, if the browser lets the page look. */
const clearClipboard = async (value: string): Promise<void> => {
  const present = await navigator.clipboard.readText().catch(() => value);
  if (present === value) await navigator.clipboard.writeText('').catch(() => undefined);
};

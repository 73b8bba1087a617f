/** The heading of a view, and the focus that it takes. */
import { useEffect, useRef } from 'preact/hooks';

/** The heading of a view names the tab too, and takes the focus after a change of the view. */
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

/**
 * Moves the focus to the heading if the focused element is gone, such as `Next page` on the last page. `inputs`
 * are what such an element depends on.
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

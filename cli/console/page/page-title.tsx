import { useEffect, useRef } from 'preact/hooks';

/**
 * The heading of a view. It is also the title of the tab, and takes the focus after each change of
 * the view.
 */
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

const startTitle = document.title;

/**
 * Moves the focus to the heading when the focused element has disappeared, such as `Next page` on
 * the last page. `inputs` are the values whose change can remove such an element.
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

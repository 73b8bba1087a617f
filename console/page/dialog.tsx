import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

/** A dialog over the page, which closes with Escape and gives the focus back. */
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
      // A removed dialog does not give the focus back by itself. The button that opened the dialog may be
      // gone, as Delete is of a deleted secret.
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

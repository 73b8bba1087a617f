import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

/** A modal dialog that closes with Escape and then returns the focus. */
export const Dialog = ({
  title,
  onCancel,
  onClose,
  children,
}: {
  readonly title: string;
  /** Called on Escape. The dialog closes unless this prevents the default. */
  readonly onCancel: (event: Event) => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      // Removing a dialog does not return the focus to the button that opened it. That button may
      // be gone too, such as Delete once the secret is deleted. Then the heading takes the focus.
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

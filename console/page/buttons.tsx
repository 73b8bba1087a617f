/** Buttons for actions and for commands of other programs. */

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';

/**
 * A button for an action, and beside it what the caller lacks. `lacksId` is the id of the element with that
 * text where several buttons share one.
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
  const announce = useAnnounce();
  const copy = () =>
    navigator.clipboard.writeText(children).then(
      () => announce('Copied.'),
      () => announce('The browser does not let the console copy. Select the text and copy it.'),
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

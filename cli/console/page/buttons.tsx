/** Buttons for actions, and commands to copy. */

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';

/**
 * A button for an action, or a disabled one with the reason next to it if the caller lacks
 * something. If several buttons share one reason, `lacksId` is the id of the element that shows it.
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
  // The `disabled` attribute would make the button unfocusable, so screen readers would never read
  // the reason.
  return (
    <span class="lacking">
      <button type="button" aria-disabled="true" aria-describedby={lacksId ?? ownId}>
        {children}
      </button>
      {lacksId === undefined && <small id={ownId}>{lacks}</small>}
    </span>
  );
};

/** A command to run elsewhere, with a button that copies it. */
export const Command = ({ children }: { readonly children: string }) => {
  const announce = useAnnounce();
  const copy = () =>
    navigator.clipboard.writeText(children).then(
      () => announce('Copied.'),
      () =>
        announce(
          'The browser does not let the console copy. Select the text and copy it yourself.',
        ),
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

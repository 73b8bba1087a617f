import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { Dialog } from './dialog.tsx';
import { useAction } from './query-hooks.ts';
import { RefusalNotice, StillWaiting } from './query-status.tsx';
import { Refusal } from './session.ts';

/** The input of an action, from its dialog. */
export type ActionInput = {
  /** The text of a field, by the field's name; '' without such a field. */
  readonly text: (field: string) => string;
  readonly signal: AbortSignal;
  /** The same object while a person repeats the action unchanged, so that the action has one effect. */
  readonly attempt: Attempt;
  /** Shows how many steps are done. */
  readonly progress: (done: number, all: number) => void;
};

export type Attempt = {
  readonly idempotencyKey: string;
  /** The current version that the person saw. A write happens only while it is the current one. */
  readonly ifVersion: number;
};

/** The sentence to announce, and the link of the view to announce it in, unless it is this view. */
export type ActionResult = { readonly sentence: string; readonly at?: string };

/** The parts of a dialog that belong to one action. */
export type ActionContent = {
  readonly title: string;
  /** The text of the button. */
  readonly submit: string;
  readonly kind?: 'main' | 'danger';
  readonly perform: (act: ActionInput) => Promise<ActionResult>;
  readonly children: ComponentChildren;
};

/**
 * A dialog that stays until its action is done, shows a refusal beside its button, and can give up while the
 * action runs. `onEnd` reads the view behind again after each attempt, because even a failed attempt may have
 * changed something.
 */
export const ActionDialog = ({
  title,
  submit,
  kind = 'main',
  currentVersion = 0,
  perform,
  advice = adviceAfterRace,
  onEnd,
  onClose,
  children,
}: ActionContent & {
  /** The current version, as the view behind shows it. */
  readonly currentVersion?: number;
  /** What to do after a refusal, by its code. */
  readonly advice?: Readonly<Record<string, string>>;
  readonly onEnd?: () => Promise<void>;
  readonly onClose: () => void;
}) => {
  const form = useRef<HTMLFormElement>(null);
  const attempt = useRef<Attempt | undefined>(undefined);
  const [progress, setProgress] = useState<readonly [number, number]>();
  const [wasCancelled, setCancelled] = useState(false);
  const doing = useAction();
  const announce = useAnnounce();
  const text = (field: string): string => {
    const found = form.current?.elements.namedItem(field);
    return found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement
      ? found.value
      : '';
  };
  const begin = () => {
    attempt.current ??= { idempotencyKey: crypto.randomUUID(), ifVersion: currentVersion };
    const own = attempt.current;
    setCancelled(false);
    doing.begin(async (signal) => {
      try {
        const { sentence, at } = await perform({
          ...{ text, signal, attempt: own },
          progress: (done, all) => setProgress([done, all]),
        });
        await onEnd?.();
        announce(sentence, at);
        onClose();
      } catch (error) {
        const shown = onEnd?.();
        if (isLostRace(error)) {
          // The vault has written nothing. The next attempt is about the version that the view behind shows
          // then.
          await shown;
          attempt.current = undefined;
        }
        throw error;
      } finally {
        setProgress(undefined);
      }
    });
  };
  const cancel = () => {
    if (!doing.isBusy) return onClose();
    doing.cancel();
    setCancelled(true);
  };
  /** Escape gives up a running action, like the button, and keeps the dialog open. */
  const giveUpByEscape = (event: Event) => {
    if (!doing.isBusy) return;
    event.preventDefault();
    cancel();
  };
  return (
    <Dialog title={title} onCancel={giveUpByEscape} onClose={onClose}>
      <form
        ref={form}
        autocomplete="off"
        onInput={() => {
          attempt.current = undefined;
        }}
        onSubmit={(event) => {
          event.preventDefault();
          begin();
        }}
      >
        {children}
        <RefusalNotice refusal={doing.refusal} advice={advice[doing.refusal?.problem.code ?? '']} />
        <p class="progress" role="status">
          {doing.isBusy && progress && (
            <>
              <progress value={progress[0]} max={progress[1]} aria-label="Progress" /> {progress[0]}{' '}
              of {progress[1]}
            </>
          )}
          {doing.isBusy && !progress && <StillWaiting>Working …</StillWaiting>}
          {wasCancelled && !doing.isBusy && cancelled}
        </p>
        <p class="buttons">
          <button type="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class={kind} disabled={doing.isBusy}>
            {submit}
          </button>
        </p>
      </form>
    </Dialog>
  );
};

const isLostRace = (error: unknown): boolean =>
  error instanceof Refusal && error.problem.code === 'version_conflict';

/** The view behind the dialog has been read again, so the next attempt is about the version shown there. */
const adviceAfterRace = {
  version_conflict:
    'Someone else has changed the secret, and nothing of yours was stored. The history behind shows it now; press the button again to go on after it.',
};

const cancelled =
  'You have given up waiting. The vault may have done it all the same: look at the view behind, or repeat it unchanged, which has one effect.';

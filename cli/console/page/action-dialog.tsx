import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { useAnnounce } from './announcer.tsx';
import { Dialog } from './dialog.tsx';
import { useAction } from './query-hooks.ts';
import { RefusalNotice, StillWaiting } from './query-status.tsx';
import { Refusal } from './session.ts';

export type ActionInput = {
  /** Returns the text of the named field, or '' if the dialog has no such field. */
  readonly text: (field: string) => string;
  readonly signal: AbortSignal;
  /**
   * Stays the same object while a person repeats the action unchanged, so that the action takes
   * effect only once.
   */
  readonly attempt: Attempt;
  readonly progress: (done: number, all: number) => void;
};

export type Attempt = {
  readonly idempotencyKey: string;
  /**
   * The current version that the person saw. The vault writes only if it is still the current one.
   */
  readonly ifVersion: number;
};

/**
 * The sentence to announce when the action has succeeded. `at` is the link of the view in which to
 * announce it, if that is not the current view.
 */
export type ActionResult = { readonly sentence: string; readonly at?: string };

/** The parts of a dialog that differ between actions, such as its title and its fields. */
export type ActionContent = {
  readonly title: string;
  readonly submit: string;
  readonly kind?: 'main' | 'danger';
  readonly perform: (act: ActionInput) => Promise<ActionResult>;
  readonly children: ComponentChildren;
};

/**
 * A dialog that stays open until its action has succeeded. It shows refusals next to its button,
 * and the person can cancel a running action. `onEnd` reloads the view behind the dialog after each
 * attempt, because even a failed attempt may have changed something.
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
  /** The current version, as the view behind the dialog shows it. */
  readonly currentVersion?: number;
  /** What a person can do after a refusal, by the refusal's code. */
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
          // The vault has written nothing, so the next attempt may use a new key and the version
          // that the view shows after its reload.
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
  /** While an action runs, Escape cancels it and keeps the dialog open. */
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
          {doing.isBusy && !progress && <StillWaiting>Working…</StillWaiting>}
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

/**
 * The dialog shows this only after the view behind it has been reloaded, so the next attempt is
 * based on the version that the view shows.
 */
const adviceAfterRace = {
  version_conflict:
    'Someone else has changed the secret, so your change was not stored. The history behind this dialog shows what happened. Press the button again to go ahead anyway.',
};

const cancelled =
  'You stopped waiting, but the vault may have done it anyway. Look at the view behind this dialog, or repeat the action unchanged: it takes effect only once.';

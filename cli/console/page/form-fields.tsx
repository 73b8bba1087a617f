/** Fields that several views use. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { limits } from '../../../functions/model/limits.ts';
import { alphabets } from '../../values/alphabets.ts';
import { useHiding } from './hidden-value.tsx';
import { instantOf, instantText } from './instants.ts';
import { randomText } from './random-text.ts';

/**
 * Keeps a field away from spell checkers, autofill, translators and writing assistants, some of
 * which send text to a server. Every text field spreads these attributes, because somebody may type
 * a value into any of them by mistake.
 */
export const privateText = {
  autocomplete: 'off',
  autocapitalize: 'off',
  spellcheck: false,
  translate: false,
  writingsuggestions: 'false',
  'data-1p-ignore': true,
  'data-lpignore': 'true',
  'data-bwignore': true,
  'data-form-type': 'other',
} as const;

const lengthMax = 4_096;

/**
 * The field `value`. It shows dots until the person asks to see the value, and is cleared when the
 * dialog closes.
 */
export const ValueField = () => {
  const field = useRef<HTMLTextAreaElement>(null);
  const length = useRef<HTMLInputElement>(null);
  const alphabet = useRef<HTMLSelectElement>(null);
  const [isShown, setShown] = useState(false);
  useHiding(isShown, () => setShown(false));
  // A layout effect clears the field at once. The cleanup of `useEffect` would run only after the
  // next paint.
  useLayoutEffect(() => {
    const element = field.current;
    return () => {
      if (element) element.value = '';
    };
  }, []);
  const generate = () => {
    if (field.current === null || !length.current?.reportValidity()) return;
    const characters = alphabets.get(alphabet.current?.value ?? '') ?? '';
    field.current.value = randomText(length.current.valueAsNumber, characters, (numbers) =>
      crypto.getRandomValues(numbers),
    );
    field.current.dispatchEvent(new Event('input', { bubbles: true }));
  };
  return (
    <>
      <label class="field">
        Value
        <textarea
          ref={field}
          name="value"
          rows={4}
          required
          class={isShown ? undefined : 'masked'}
          {...privateText}
        />
      </label>
      <p class="row">
        <button type="button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
          {isShown ? 'Hide the value' : 'Show the value'}
        </button>
        <small>The vault stores exactly what is typed here, line breaks included.</small>
      </p>
      <details>
        <summary>Generate a value</summary>
        <p class="row">
          <label>
            Length{' '}
            <input ref={length} type="number" min={1} max={lengthMax} defaultValue="32" required />
          </label>
          <label>
            Characters{' '}
            <select ref={alphabet}>
              {[...alphabets.keys()].map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <button type="button" onClick={generate}>
            Generate
          </button>
        </p>
      </details>
    </>
  );
};

export const NoteField = () => (
  <label class="field">
    Note <small>(optional; not secret: lists and histories show it)</small>
    <input name="note" type="text" maxLength={limits.noteBytesMax} {...privateText} />
  </label>
);

/** Returns the note of a form for a request body, which has no `note` if the field is empty. */
export const noteIn = (text: (field: string) => string): { note?: string } =>
  text('note') === '' ? {} : { note: text('note') };

/**
 * Asks the person to type the name of a secret again. The form cannot be sent until the text
 * matches.
 */
export const NameAgainField = ({ name }: { readonly name: string }) => (
  <label class="field">
    Type <strong>{name}</strong> to confirm
    <input
      type="text"
      required
      {...privateText}
      onInput={({ currentTarget }) =>
        currentTarget.setCustomValidity(
          currentTarget.value === name ? '' : 'This is not the name of the secret.',
        )
      }
    />
  </label>
);

/**
 * A field that shows an instant in local time, and also accepts UTC with a final `Z`. `onChoose`
 * gets `undefined` when the field is emptied. It is not called for a text that is not an instant.
 */
export const InstantField = ({
  label,
  instant,
  onChoose,
  ...shape
}: {
  readonly label: ComponentChildren;
  readonly instant: number | undefined;
  readonly onChoose: (instant: number | undefined) => void;
  readonly class?: 'field';
}) => {
  // Keeps what a person is typing while the page updates, until another instant is chosen.
  const [draft, setDraft] = useState<string>();
  useEffect(() => setDraft(undefined), [instant]);
  return (
    <label {...shape}>
      {label}{' '}
      <input
        type="text"
        size={23}
        {...privateText}
        value={draft ?? (instant === undefined ? '' : instantText(instant))}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onChange={({ currentTarget: field }) => {
          const typed = instantOf(field.value);
          const isFault = typed === undefined && field.value !== '';
          field.setCustomValidity(
            isFault ? 'Type a date and time such as 2026-11-24 15:30:00.' : '',
          );
          if (!field.reportValidity()) return;
          setDraft(undefined);
          onChoose(typed);
        }}
      />
    </label>
  );
};

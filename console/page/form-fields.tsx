/** Fields that several views have. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { alphabets } from '../../cli/values/alphabets.ts';
import { limits } from '../../functions/model/limits.ts';
import { useHiding } from './hidden-value.tsx';
import { fieldOf, instantOf } from './instants.ts';
import { randomText } from './random-text.ts';

/**
 * Keeps a field from spell checkers, autofill, translators and the assistants of browsers, some of which are
 * remote. All fields for text spread these attributes, because any of them may hold a value by mistake.
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

/** The field `value`, which shows dots until a person asks, and is empty once the dialog closes. */
export const ValueField = () => {
  const field = useRef<HTMLTextAreaElement>(null);
  const length = useRef<HTMLInputElement>(null);
  const alphabet = useRef<HTMLSelectElement>(null);
  const [isShown, setShown] = useState(false);
  useHiding(isShown, () => setShown(false));
  // The cleanup of another effect would wait for the next paint, and the value with it.
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
        <small>The vault stores it as it stands here, line feeds too.</small>
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

/** The note of a form as part of a request, which has none if the field is empty. */
export const noteIn = (text: (field: string) => string): { note?: string } =>
  text('note') === '' ? {} : { note: text('note') };

/** A field in which a person types the name of a secret again. A form with another text is not sent. */
export const NameAgainField = ({ name }: { readonly name: string }) => (
  <label class="field">
    Type <strong>{name}</strong> to go on
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

/** A field for an instant in local time, to the millisecond. `onInput` hears only of whole instants. */
export const InstantField = ({
  label,
  instant,
  onInput,
}: {
  readonly label: string;
  readonly instant: number;
  readonly onInput: (instant: number) => void;
}) => (
  <label>
    {label}{' '}
    <input
      type="datetime-local"
      step="0.001"
      value={fieldOf(instant)}
      onInput={({ currentTarget }) => {
        const typed = instantOf(currentTarget.value);
        if (typed !== undefined) onInput(typed);
      }}
    />
  </label>
);

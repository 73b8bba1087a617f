import { type Dialect, isDialect } from '../../../functions/env/dialects/dialect.ts';
import { limits } from '../../../functions/model/limits.ts';
import { privateText } from '../form-fields.tsx';
import type { Choices } from './env-requests.ts';
import type { Mode } from './file-check.ts';

export const firstChoices: Choices = {
  ...{ mode: undefined, dialect: 'shell', at: '', pin: false, note: '' },
};

export const modeTitles = { encrypt: 'Encrypt', expand: 'Expand', submit: 'Submit' } as const;

const modes: readonly (readonly [Mode, string])[] = [
  ['encrypt', 'stores what enc() names'],
  ['expand', 'puts values in the place of secret()'],
  ['submit', 'does both at once'],
];

const readers: Readonly<Record<Dialect, string>> = {
  shell: 'bash, dash and zsh',
  compose: 'docker compose',
  docker: 'docker run --env-file',
  node: 'node --env-file, and npm dotenv alone',
  dotenv: 'npm dotenv with dotenv-expand, and Node',
  python: 'python-dotenv',
  json: 'anything that reads JSON',
};

/** What is to be done with the file, and for which reader. */
export const Options = ({
  mode,
  choices,
  onChoose,
}: {
  readonly mode: Mode;
  readonly choices: Choices;
  readonly onChoose: (choices: Choices) => void;
}) => {
  const choose = (some: Partial<Choices>) => onChoose({ ...choices, ...some });
  return (
    <div class="options">
      <fieldset>
        <legend>What to do</legend>
        {modes.map(([id, text]) => (
          <label key={id}>
            <input
              type="radio"
              name="mode"
              checked={mode === id}
              onChange={() => choose({ mode: id })}
            />{' '}
            {modeTitles[id]} <small>{text}</small>
          </label>
        ))}
      </fieldset>
      <label class="field">
        For the reader
        <select
          value={choices.dialect}
          onChange={({ currentTarget: { value } }) =>
            isDialect(value) && choose({ dialect: value })
          }
        >
          {Object.entries(readers).map(([dialect, reader]) => (
            <option key={dialect} value={dialect}>
              {dialect}: {reader}
            </option>
          ))}
        </select>
      </label>
      {mode === 'expand' ? (
        <>
          <label class="field">
            As of <small>(your local time; empty is now)</small>
            <input
              type="datetime-local"
              step="0.001"
              value={choices.at}
              onInput={({ currentTarget }) => choose({ at: currentTarget.value })}
            />
          </label>
          <label>
            <input
              type="checkbox"
              checked={choices.pin}
              onChange={({ currentTarget }) => choose({ pin: currentTarget.checked })}
            />{' '}
            Pin <small>gives the file with the versions too</small>
          </label>
        </>
      ) : (
        <label class="field">
          Note <small>(optional; not secret)</small>
          <input
            type="text"
            maxLength={limits.noteBytesMax}
            {...privateText}
            value={choices.note}
            onInput={({ currentTarget }) => choose({ note: currentTarget.value })}
          />
        </label>
      )}
    </div>
  );
};

/** Masked fields for the values that the file does not hold. */
export const NeededValues = ({
  names,
  values,
  onInput,
}: {
  readonly names: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  readonly onInput: (values: ReadonlyMap<string, string>) => void;
}) =>
  names.length === 0 ? null : (
    <fieldset class="options">
      <legend>Values that the file does not hold</legend>
      {names.map((name) => (
        <label key={name} class="field">
          {name}
          <textarea
            class="masked"
            rows={1}
            value={values.get(name) ?? ''}
            {...privateText}
            onInput={({ currentTarget }) =>
              onInput(new Map([...values, [name, currentTarget.value]]))
            }
          />
        </label>
      ))}
    </fieldset>
  );

import { type Dialect, isDialect } from '../../../../functions/env/dialects/dialect.ts';
import { limits } from '../../../../functions/model/limits.ts';
import { InstantField, privateText } from '../form-fields.tsx';
import { firstAdoptChoices } from './adopting.ts';
import type { Choices } from './env-requests.ts';
import type { Mode } from './file-check.ts';

export const firstChoices: Choices = {
  ...firstAdoptChoices,
  ...{ mode: undefined, dialect: 'shell', at: undefined, pin: false, note: '' },
};

export const modeTitles = {
  ...{ adopt: 'Adopt', encrypt: 'Encrypt', expand: 'Expand', submit: 'Submit' },
} as const;

const modes: readonly (readonly [Mode, string])[] = [
  ['adopt', 'stores plain values, and puts secret() in their place'],
  ['encrypt', 'stores what enc() names'],
  ['expand', 'replaces secret() with the values'],
  ['submit', 'encrypts and expands at once'],
];

const readers: Readonly<Record<Dialect, string>> = {
  shell: 'bash, dash and zsh',
  compose: 'docker compose',
  docker: 'docker run --env-file',
  node: 'node --env-file, and npm dotenv on its own',
  dotenv: 'npm dotenv with dotenv-expand, and Node',
  python: 'python-dotenv',
  ruby: 'the gem dotenv, also in Rails',
  php: 'phpdotenv, also in Laravel',
  json: 'anything that reads JSON',
};

/** Chooses the action on the file, and the program that will read it. */
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
        Program that reads the file
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
          <InstantField
            class="field"
            label={
              <>
                As of <small>(your local time; empty means now)</small>
              </>
            }
            instant={choices.at}
            onChoose={(at) => choose({ at })}
          />
          <label>
            <input
              type="checkbox"
              checked={choices.pin}
              onChange={({ currentTarget }) => choose({ pin: currentTarget.checked })}
            />{' '}
            Pin <small>also returns the file with pinned versions</small>
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

/** Masked fields for the values that are not in the file. */
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
      <legend>Values that are not in the file</legend>
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

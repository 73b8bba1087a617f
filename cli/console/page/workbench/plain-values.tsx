import { type Adoption, assignedKeys } from '../../../../functions/env/adoption.ts';
import { isPublicName } from '../../../../functions/env/looks-secret.ts';
import { unfitReason } from '../../../files/unfit-values.ts';
import { privateText } from '../form-fields.tsx';
import type { AdoptChoices } from './adopting.ts';

/**
 * Lists the plain values of a file with a checkbox each. It says what is stored and what stays in
 * plain text, and why.
 */
export const PlainValues = ({
  content,
  adoption,
  choices: { prefix, ticked },
  onChoose,
}: {
  readonly content: string;
  readonly adoption: Adoption;
  readonly choices: AdoptChoices;
  readonly onChoose: (choices: Partial<AdoptChoices>) => void;
}) => {
  const { secrets, unfit, plain, silenced } = adoption;
  const names = new Map(secrets.map(({ key, name }) => [key, name]));
  const reasons = new Map(unfit.map((value) => [value.key, value]));
  const others = new Set(plain);
  const lines = content.split('\n');
  const noteOf = (key: string) => {
    const value = reasons.get(key);
    if (value !== undefined) {
      const [reason, advice] = unfitReason(value, lines[value.line - 1] ?? '', otherwise);
      return <small class="bad">stays in plain text: {`${reason}; ${advice}`}</small>;
    }
    if (others.has(key)) {
      return <small>stays in plain text{isPublicName(key) && ', public by its name'}</small>;
    }
    return <small>stored as {names.get(key)}</small>;
  };
  const shown = [...assignedKeys(content)].filter(
    (key) => names.has(key) || reasons.has(key) || others.has(key),
  );
  return (
    <fieldset class="options">
      <legend>Plain values</legend>
      {shown.length === 0 && <p>The file has no plain values.</p>}
      {shown.map((key) => (
        <label key={key}>
          <input
            type="checkbox"
            disabled={reasons.has(key)}
            checked={!reasons.has(key) && (ticked.get(key) ?? names.has(key))}
            onChange={({ currentTarget: { checked } }) =>
              onChoose({ ticked: new Map([...ticked, [key, checked]]) })
            }
          />{' '}
          {key} {noteOf(key)}
        </label>
      ))}
      {silenced.map(({ key, line }) => (
        <p key={line} class="soft">
          {key} is assigned again below line {line}, and programs take the last assignment. Line{' '}
          {line} becomes a comment, which still shows the value.
        </p>
      ))}
      <label class="field">
        Prefix <small>(optional: the names begin with it, as in app.DB_PASSWORD)</small>
        <input
          type="text"
          {...privateText}
          value={prefix}
          onInput={({ currentTarget: { value } }) => onChoose({ prefix: value.trim() })}
        />
      </label>
    </fieldset>
  );
};

const otherwise = 'choose the program that reads the file';

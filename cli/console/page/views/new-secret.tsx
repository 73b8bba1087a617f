import { limits } from '../../../../functions/model/limits.ts';
import { isSecretName } from '../../../../functions/model/types.ts';
import { ActionDialog } from '../action-dialog.tsx';
import { useCaller } from '../caller.ts';
import { NoteField, noteIn, privateText, ValueField } from '../form-fields.tsx';
import { covers } from '../permissions.ts';
import { linkTo } from '../routes.ts';
import { ask } from '../session.ts';

/** Creates a secret and opens its view. If `name` is given, the dialog has no field for it. */
export const NewSecretDialog = ({
  name,
  onEnd,
  onClose,
}: {
  readonly name?: string;
  readonly onEnd?: () => Promise<void>;
  readonly onClose: () => void;
}) => {
  const caller = useCaller();
  const check = (input: HTMLInputElement): void => {
    const rule = isSecretName(input.value)
      ? covers(caller, input.value) || input.value === ''
        ? ''
        : `Your token covers only ${caller?.names.join(', ')}.`
      : `A name starts with a letter or _, then has letters, digits, _ . or -, at most ${limits.nameCharactersMax} characters in all.`;
    input.setCustomValidity(rule);
  };
  return (
    <ActionDialog
      title={name === undefined ? 'New secret' : `New value for ${name}`}
      submit="Create"
      perform={async ({ text, signal, attempt: { idempotencyKey } }) => {
        const body = { name: name ?? text('name'), value: text('value'), ...noteIn(text) };
        const written = await ask('create-secret', { body, idempotencyKey }, signal);
        const at = linkTo('secrets', written.name);
        location.hash = at;
        return { sentence: `Created ${written.name}, version ${written.version}.`, at };
      }}
      advice={{ secret_exists: 'Choose another name, or open that secret and update it.' }}
      {...(onEnd && { onEnd })}
      onClose={onClose}
    >
      {name === undefined && (
        <label class="field">
          Name
          <input
            name="name"
            type="text"
            required
            maxLength={limits.nameCharactersMax}
            {...privateText}
            onInput={({ currentTarget }) => check(currentTarget)}
          />
        </label>
      )}
      <ValueField />
      <NoteField />
    </ActionDialog>
  );
};

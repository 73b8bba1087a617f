import {
  type ActionContent,
  ActionDialog,
  type ActionInput,
  type ActionResult,
} from '../../action-dialog.tsx';
import { counted } from '../../counted.ts';
import { NameAgainField, NoteField, noteIn, ValueField } from '../../form-fields.tsx';
import { ask } from '../../session.ts';
import { NewSecretDialog } from '../new-secret.tsx';
import { readOldValues, type SecretProps } from './history.ts';

/** An action that a person has chosen, and the version that it applies to. */
export type DialogChoice = {
  readonly action: keyof typeof contents | 'begin again';
  readonly version: number;
};

export const ChosenDialog = ({
  chosen: { action, version },
  name,
  history,
  ...ends
}: SecretProps & {
  readonly chosen: DialogChoice;
  /** Reloads the secret after each attempt at the action. */
  readonly onEnd: () => Promise<void>;
  readonly onClose: () => void;
}) =>
  action === 'begin again' ? (
    <NewSecretDialog {...{ name, ...ends }} />
  ) : (
    <ActionDialog
      {...contents[action](name, version)}
      currentVersion={history.current.version}
      {...ends}
    />
  );

const contents = {
  update: (name: string): ActionContent => ({
    title: `Update ${name}`,
    submit: 'Store',
    perform: async ({ text, signal, attempt }) => {
      const body = { value: text('value'), ...noteIn(text) };
      const { version } = await ask('update-secret', { name, body, ...attempt }, signal);
      return { sentence: `Stored version ${version} of ${name}.` };
    },
    children: (
      <>
        <ValueField />
        <NoteField />
      </>
    ),
  }),
  'roll back': (name: string, old: number): ActionContent => ({
    title: `Roll back ${name} to version ${old}`,
    submit: 'Store',
    perform: async ({ text, signal, attempt }) => {
      const body = { from: { version: old }, ...noteIn(text) };
      const { version } = await ask('copy-secret', { name, body, ...attempt }, signal);
      return {
        sentence: `Stored version ${version} of ${name} with the value of version ${old}.`,
      };
    },
    children: (
      <>
        <p>
          The value of version {old} becomes the next version. The versions in between stay in the
          history.
        </p>
        <NoteField />
      </>
    ),
  }),
  delete: (name: string): ActionContent => ({
    title: `Delete ${name}`,
    submit: 'Delete',
    kind: 'danger',
    perform: async ({ text, signal, attempt }) => {
      await ask('delete-secret', { name, body: noteIn(text), ...attempt }, signal);
      return { sentence: `Deleted ${name}. Its history stays, and Restore brings it back.` };
    },
    children: (
      <>
        <p>
          Programs that read {name} will no longer find it. Its history stays, and you can restore
          it.
        </p>
        <NoteField />
      </>
    ),
  }),
  restore: (name: string, last: number): ActionContent => ({
    title: `Restore ${name}`,
    submit: 'Restore',
    perform: async ({ text, signal, attempt: { idempotencyKey } }) => {
      const body = { from: { version: last }, create: true, ...noteIn(text) };
      const { version } = await ask('copy-secret', { name, body, idempotencyKey }, signal);
      return {
        sentence: `Restored ${name}: version ${version} has the value of version ${last}.`,
      };
    },
    children: (
      <>
        <p>The value of version {last}, the last before the deletion, becomes the next version.</p>
        <NoteField />
      </>
    ),
  }),
  destroy: (name: string, version: number): ActionContent => ({
    title: `Destroy version ${version} of ${name}`,
    submit: 'Destroy for ever',
    kind: 'danger',
    perform: async ({ signal }) => {
      await ask('destroy-version', { name, version }, signal);
      return { sentence: `Destroyed the value of version ${version} of ${name}.` };
    },
    children: (
      <>
        <p>
          The value and the note of version {version} will be gone for ever. Nobody can undo this.
        </p>
        <p>
          Who wrote the version and when stays in the history. Backups of the store keep the value.
        </p>
        <NameAgainField name={name} />
      </>
    ),
  }),
  'destroy all': (name: string): ActionContent => ({
    title: `Destroy all old values of ${name}`,
    submit: 'Destroy for ever',
    kind: 'danger',
    perform: (act) => destroyAll(name, act),
    children: (
      <>
        <p>
          All values before the current version will be gone for ever, and their notes with them.
          Nobody can undo this.
        </p>
        <p>
          Who wrote the versions and when stays in the history. Backups of the store keep the
          values.
        </p>
        <NameAgainField name={name} />
      </>
    ),
  }),
};

/**
 * Destroys all values before the current version, one after another. If the person cancels,
 * repeating the action destroys the rest.
 */
const destroyAll = async (
  name: string,
  { signal, progress }: ActionInput,
): Promise<ActionResult> => {
  const versions = await readOldValues(name, signal);
  for (const [done, { version }] of versions.entries()) {
    progress(done, versions.length);
    await ask('destroy-version', { name, version }, signal);
  }
  return { sentence: `Destroyed ${counted(versions.length, 'old value')} of ${name}.` };
};

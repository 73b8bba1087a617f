/** The dialogs of the actions on one secret. */
import { type Act, ActionDialog, type ActionResult } from '../../action-dialog.tsx';
import { NameAgainField, NoteField, noteIn, ValueField } from '../../fields.tsx';
import { ask, type Refusal } from '../../session.ts';
import type { VersionEntry } from '../../timeline.ts';
import { NewSecretDialog } from '../new-secret.tsx';
import { type History, readOldValues } from './history.ts';

/** An action that a person has chosen. `version` is the one that it is about. */
export type DialogChoice =
  | { readonly action: 'update' | 'delete' | 'restore' | 'begin again' | 'destroy all' }
  | { readonly action: 'roll back' | 'destroy'; readonly version: number };

type About = {
  readonly name: string;
  readonly history: History;
  /** Reads the secret again. */
  readonly onEnd: () => Promise<void>;
  readonly onClose: () => void;
};

export const ChosenDialog = ({ chosen, ...about }: About & { readonly chosen: DialogChoice }) => {
  switch (chosen.action) {
    case 'update':
      return <UpdateDialog {...about} />;
    case 'roll back':
      return <RollBackDialog {...about} version={chosen.version} />;
    case 'delete':
      return <DeleteDialog {...about} />;
    case 'restore':
      return <RestoreDialog {...about} />;
    case 'begin again':
      return <NewSecretDialog {...about} />;
    case 'destroy':
      return <DestroyDialog {...about} version={chosen.version} />;
    case 'destroy all':
      return <DestroyAllDialog {...about} />;
  }
};

/**
 * Someone else was first. The view behind the dialog has been read again, so the next attempt is about that
 * version.
 */
const adviceAfterRace = ({ problem }: Refusal): string | undefined =>
  problem.code === 'version_conflict'
    ? 'Someone else has changed the secret, and nothing of yours was stored. The history behind shows it now; press the button again to go on after it.'
    : undefined;

const UpdateDialog = ({ name, history: { current }, ...about }: About) => (
  <ActionDialog
    {...about}
    title={`Update ${name}`}
    submit="Store"
    seen={current.version}
    adviceFor={adviceAfterRace}
    perform={async ({ text, signal, attempt }) => {
      const body = { value: text('value'), ...noteIn(text) };
      const asked = { name, body, ...attempt };
      const { version } = await ask('update-secret', asked, signal);
      return { sentence: `Stored version ${version} of ${name}.` };
    }}
  >
    <ValueField />
    <NoteField />
  </ActionDialog>
);

const RollBackDialog = ({
  name,
  history: { current },
  version: old,
  ...about
}: About & { readonly version: number }) => (
  <ActionDialog
    {...about}
    title={`Roll back ${name} to version ${old}`}
    submit="Store"
    seen={current.version}
    adviceFor={adviceAfterRace}
    perform={async ({ text, signal, attempt }) => {
      const body = { ...(await readStored(name, old, signal)), ...noteIn(text) };
      const asked = { name, body, ...attempt };
      const { version } = await ask('update-secret', asked, signal);
      return { sentence: `Stored version ${version} of ${name} with the value of version ${old}.` };
    }}
  >
    <p>
      The value of version {old} becomes the next version. The versions between stay in the history.
    </p>
    <NoteField />
  </ActionDialog>
);

/** The value of a version in the form of a request. The page does not look at it. */
const readStored = async (name: string, version: number, signal: AbortSignal) => {
  const query = { version: String(version) };
  const { value, encoding } = await ask('get-secret', { name, query }, signal);
  return { value, encoding };
};

const DeleteDialog = ({ name, history: { current }, ...about }: About) => (
  <ActionDialog
    {...about}
    title={`Delete ${name}`}
    submit="Delete"
    kind="danger"
    seen={current.version}
    adviceFor={adviceAfterRace}
    perform={async ({ text, signal, attempt }) => {
      const asked = { name, body: noteIn(text), ...attempt };
      await ask('delete-secret', asked, signal);
      return { sentence: `Deleted ${name}. Its history stays, and Restore brings it back.` };
    }}
  >
    <p>Programs that read {name} will not find it. Its history stays, and you can restore it.</p>
    <NoteField />
  </ActionDialog>
);

/** The version that a restore brings back; `undefined` if its value was destroyed. */
export const restorableOf = ({ entries }: History): VersionEntry | undefined => {
  const last = entries.find(({ state }) => state !== 'deleted');
  return last?.state === 'stored' ? last : undefined;
};

const RestoreDialog = ({ name, history, ...about }: About) => {
  const last = restorableOf(history)?.version ?? 0;
  return (
    <ActionDialog
      {...about}
      title={`Restore ${name}`}
      submit="Restore"
      perform={async ({ text, signal, attempt }) => {
        const body = { name, ...(await readStored(name, last, signal)), ...noteIn(text) };
        const { version } = await ask(
          'create-secret',
          { body, idempotencyKey: attempt.idempotencyKey },
          signal,
        );
        return {
          sentence: `Restored ${name}: version ${version} has the value of version ${last}.`,
        };
      }}
    >
      <p>The value of version {last}, the last before the deletion, becomes the next version.</p>
      <NoteField />
    </ActionDialog>
  );
};

const DestroyDialog = ({ name, version, ...about }: About & { readonly version: number }) => (
  <ActionDialog
    {...about}
    title={`Destroy version ${version} of ${name}`}
    submit="Destroy for ever"
    kind="danger"
    perform={async ({ signal }) => {
      await ask('destroy-version', { name, version }, signal);
      return { sentence: `Destroyed the value of version ${version} of ${name}.` };
    }}
  >
    <p>The value and the note of version {version} will be gone for ever. Nobody can undo this.</p>
    <p>Who wrote the version and when stays in the history. Backups of the store keep the value.</p>
    <NameAgainField name={name} />
  </ActionDialog>
);

const DestroyAllDialog = ({ name, ...about }: About) => (
  <ActionDialog
    {...about}
    title={`Destroy all old values of ${name}`}
    submit="Destroy for ever"
    kind="danger"
    perform={(act) => destroyAll(name, act)}
  >
    <p>
      All values before the current version will be gone for ever, and their notes with them. Nobody
      can undo this.
    </p>
    <p>
      Who wrote the versions and when stays in the history. Backups of the store keep the values.
    </p>
    <NameAgainField name={name} />
  </ActionDialog>
);

/** Destroys one value after the other. If a person gives up, a repetition destroys the rest. */
const destroyAll = async (name: string, { signal, progress }: Act): Promise<ActionResult> => {
  const versions = await readOldValues(name, signal);
  for (const [done, { version }] of versions.entries()) {
    progress(done, versions.length);
    await ask('destroy-version', { name, version }, signal);
  }
  const count = versions.length === 1 ? '1 old value' : `${versions.length} old values`;
  return { sentence: `Destroyed ${count} of ${name}.` };
};

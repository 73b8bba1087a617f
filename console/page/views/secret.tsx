import { useId, useState } from 'preact/hooks';
import { limits } from '../../../functions/model/limits.ts';
import { ActionButton, Command } from '../buttons.tsx';
import { useLack } from '../caller.ts';
import { Value } from '../hidden-value.tsx';
import { Title, useFocusKept } from '../page-title.tsx';
import { QueryStatus, Waiting } from '../query-status.tsx';
import { linkTo } from '../routes.ts';
import { Badge, Instant, Table } from '../table.tsx';
import { intervalAt, type VersionEntry } from '../timeline.ts';
import { NewSecretDialog } from './new-secret.tsx';
import './secret.css';
import { AsOf } from './secret/as-of.tsx';
import { Compare } from './secret/compare.tsx';
import { ChosenDialog, type DialogChoice } from './secret/dialogs.tsx';
import { Explain } from './secret/explain.tsx';
import { type HistoryState, type SecretProps, useHistory } from './secret/history.ts';
import { readValue } from './secret/read-value.ts';

/** One secret: its life, its versions, and the actions on both. */
export const SecretView = ({ name }: { readonly name: string }) => {
  const reading = useHistory(name);
  const { result: history, refusal, again } = reading;
  const isMissing = history === undefined && refusal?.problem.code === 'not_found';
  return (
    <main>
      <Title>{name}</Title>
      {isMissing ? <Missing name={name} onEnd={again} /> : <QueryStatus of={reading} />}
      {history && <SecretLife {...{ name, history, reading }} />}
    </main>
  );
};

const Missing = ({
  name,
  onEnd,
}: {
  readonly name: string;
  readonly onEnd: () => Promise<void>;
}) => {
  const [isCreating, setCreating] = useState(false);
  return (
    <div class="empty">
      <p>There is no secret of this name that your token covers.</p>
      <p class="row">
        <ActionButton onClick={() => setCreating(true)} lacks={useLack('secrets:write')}>
          Create it
        </ActionButton>
      </p>
      <Command>{`printf %s hunter2 | dsvault create ${name}`}</Command>
      {isCreating && (
        <NewSecretDialog name={name} onEnd={onEnd} onClose={() => setCreating(false)} />
      )}
    </div>
  );
};

const SecretLife = ({
  name,
  history,
  reading,
}: SecretProps & { readonly reading: HistoryState }) => {
  const [chosen, setChosen] = useState<DialogChoice>();
  const [asOf, setAsOf] = useState<number>();
  const lifeId = useId();
  const versionsId = useId();
  useFocusKept([history, asOf]);
  const atThen = asOf === undefined ? history.current : intervalAt(history.intervals, asOf)?.entry;
  return (
    <>
      <CurrentVersion {...{ name, history }} onChoose={setChosen} />
      <section aria-labelledby={lifeId}>
        <h2 id={lifeId}>Through time</h2>
        <AsOf name={name} history={history} asOf={asOf} onChoose={setAsOf} />
      </section>
      <section aria-labelledby={versionsId}>
        <h2 id={versionsId}>Versions</h2>
        <Versions {...{ name, history }} versionThen={atThen?.version} onChoose={setChosen} />
        <OlderVersions history={history} reading={reading} />
      </section>
      <div class="two">
        <Compare name={name} history={history} />
        <Explain name={name} />
      </div>
      {chosen && (
        <ChosenDialog
          {...{ chosen, name, history }}
          onEnd={reading.again}
          onClose={() => setChosen(undefined)}
        />
      )}
    </>
  );
};

type OnChoose = (chosen: DialogChoice) => void;

/** The secret as it is now, and the actions on it. */
const CurrentVersion = ({
  name,
  history: { entries, current },
  onChoose,
}: SecretProps & { readonly onChoose: OnChoose }) => {
  const { version, state, createdBy, validFrom } = current;
  const note = current.state === 'destroyed' ? undefined : current.note;
  const writing = useLack('secrets:write');
  const deleting = useLack('secrets:delete');
  const last = entries.find((entry) => entry.state !== 'deleted');
  const gone =
    last?.state === 'stored'
      ? undefined
      : 'The last value was destroyed. Create a new one instead.';
  return (
    <>
      <p class="present">
        <Badge>{state}</Badge> version {version}, {state === 'deleted' ? 'deleted' : 'written'} by{' '}
        {createdBy} on <Instant at={validFrom} />
        {note !== undefined && <q>{note}</q>}{' '}
        <a href={linkTo('activity', 'of', name)}>Who read this?</a>
      </p>
      {state === 'stored' ? (
        <div key="stored" class="row">
          <Value key={version} label="the present value" read={() => readValue(name, {})} />
          <ActionButton
            kind="main"
            onClick={() => onChoose({ action: 'update', version })}
            lacks={writing}
          >
            Update
          </ActionButton>
          <ActionButton
            kind="danger"
            onClick={() => onChoose({ action: 'delete', version })}
            lacks={deleting}
          >
            Delete
          </ActionButton>
        </div>
      ) : (
        <div key="deleted" class="row">
          <ActionButton
            kind="main"
            onClick={() => onChoose({ action: 'restore', version: last?.version ?? 0 })}
            lacks={writing ?? gone}
          >
            Restore
          </ActionButton>
          <ActionButton
            onClick={() => onChoose({ action: 'begin again', version })}
            lacks={writing}
          >
            Create a new value
          </ActionButton>
        </div>
      )}
    </>
  );
};

const columns = ['Version', 'State', 'Valid from', 'Valid to', 'By', 'Note', 'Value', 'Actions'];

const Versions = ({
  name,
  history: { entries, current },
  versionThen,
  onChoose,
}: SecretProps & {
  /** The version that was valid at the chosen instant. */
  readonly versionThen: number | undefined;
  readonly onChoose: OnChoose;
}) => {
  const [rollBackId, destroyId] = [useId(), useId()];
  const noRollBack =
    useLack('secrets:write') ??
    (current.state === 'deleted'
      ? 'The secret is deleted. Restore it before you roll back.'
      : undefined);
  const noDestroy = useLack('secrets:destroy');
  const hasOldValues = entries.some(({ state, validTo }) => state === 'stored' && validTo !== null);
  return (
    <>
      {hasOldValues && noRollBack && (
        <p class="soft" id={rollBackId}>
          You cannot roll back: {noRollBack}
        </p>
      )}
      {hasOldValues && noDestroy && (
        <p class="soft" id={destroyId}>
          You cannot destroy values: {noDestroy}
        </p>
      )}
      <Table
        label={`Versions of ${name}, the newest first`}
        columns={columns}
        rows={entries.map((entry) => ({
          key: entry.version,
          isChosen: entry.version === versionThen,
          cells: [
            <>
              <span class="narrow">Version </span>
              {entry.version}
            </>,
            <Badge key="state">{entry.state}</Badge>,
            <Instant key="from" isExact at={entry.validFrom} />,
            entry.validTo === null ? 'now' : <Instant key="to" isExact at={entry.validTo} />,
            entry.createdBy,
            <NoteOf key="note" {...entry} />,
            entry.state === 'stored' && (
              <Value
                key="value"
                label={`the value of version ${entry.version}`}
                read={() => readValue(name, { version: String(entry.version) })}
              />
            ),
            entry.state === 'stored' && entry.validTo !== null && (
              <div key="actions" class="row">
                <ActionButton
                  onClick={() => onChoose({ action: 'roll back', version: entry.version })}
                  lacks={noRollBack}
                  lacksId={rollBackId}
                >
                  Roll back <span class="hidden">to version {entry.version}</span>
                </ActionButton>
                <ActionButton
                  kind="danger"
                  onClick={() => onChoose({ action: 'destroy', version: entry.version })}
                  lacks={noDestroy}
                  lacksId={destroyId}
                >
                  Destroy <span class="hidden">version {entry.version}</span>
                </ActionButton>
              </div>
            ),
          ],
        }))}
      />
      {hasOldValues && (
        <p class="row">
          <ActionButton
            kind="danger"
            onClick={() => onChoose({ action: 'destroy all', version: current.version })}
            lacks={noDestroy}
            lacksId={destroyId}
          >
            Destroy all old values
          </ActionButton>
        </p>
      )}
    </>
  );
};

/** The note of a version, or who destroyed it, because its note is gone then. */
const NoteOf = (entry: VersionEntry) =>
  entry.state === 'destroyed' ? (
    <>
      destroyed by {entry.destroyedBy} on <Instant at={entry.destroyedAt} />
    </>
  ) : (
    entry.note
  );

const OlderVersions = ({
  history,
  reading,
}: Pick<SecretProps, 'history'> & { readonly reading: HistoryState }) => {
  if (history.isWhole) return null;
  return (
    <div class="row">
      <span>
        {history.entries.length} of {history.current.version} versions are loaded.
      </span>
      {reading.isWaiting ? (
        <button type="button" onClick={reading.cancel}>
          Cancel
        </button>
      ) : (
        <>
          <button type="button" onClick={reading.readMore}>
            Load {limits.versionsPageMax} older
          </button>
          <button type="button" onClick={reading.readAll}>
            Load all
          </button>
        </>
      )}
      <Waiting isWaiting={reading.isWaiting}>Reading: {reading.count} versions …</Waiting>
    </div>
  );
};

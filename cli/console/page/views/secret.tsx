import { useId, useState } from 'preact/hooks';
import { ActionButton, Command } from '../buttons.tsx';
import { useLack } from '../caller.ts';
import { Value } from '../hidden-value.tsx';
import { Title, useFocusKept } from '../page-title.tsx';
import { QueryStatus } from '../query-status.tsx';
import { linkTo } from '../routes.ts';
import { Badge, Instant } from '../table.tsx';
import { intervalAt } from '../timeline.ts';
import { NewSecretDialog } from './new-secret.tsx';
import './secret.css';
import { AsOf } from './secret/as-of.tsx';
import { Compare } from './secret/compare.tsx';
import { ChosenDialog, type DialogChoice } from './secret/dialogs.tsx';
import { Explain } from './secret/explain.tsx';
import { type HistoryState, type SecretProps, useHistory } from './secret/history.ts';
import { readValue } from './secret/read-value.ts';
import { OlderVersions, type OnChoose, Versions } from './secret/versions.tsx';

/** One secret: its history, its versions, and the actions on them. */
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
      <p>There is no secret with this name, or your token does not cover it.</p>
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
      <section aria-labelledby={versionsId}>
        <h2 id={versionsId}>Versions</h2>
        <Versions {...{ name, history }} versionThen={atThen?.version} onChoose={setChosen} />
        <OlderVersions history={history} reading={reading} />
      </section>
      <section aria-labelledby={lifeId}>
        <h2 id={lifeId}>Through time</h2>
        <AsOf name={name} history={history} asOf={asOf} onChoose={setAsOf} />
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
      : 'The last value was destroyed. Create a new value instead.';
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
          <Value key={version} label="the current value" read={() => readValue(name, {})} />
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

import { useId, useState } from 'preact/hooks';
import { limits } from '../../../../../functions/model/limits.ts';
import { ActionButton } from '../../buttons.tsx';
import { useLack } from '../../caller.ts';
import { Value } from '../../hidden-value.tsx';
import { useFocusKept } from '../../page-title.tsx';
import { Waiting } from '../../query-status.tsx';
import { Badge, Instant, Table } from '../../table.tsx';
import type { VersionEntry } from '../../timeline.ts';
import type { DialogChoice } from './dialogs.tsx';
import type { HistoryState, SecretProps } from './history.ts';
import { readValue } from './read-value.ts';

export type OnChoose = (chosen: DialogChoice) => void;

/** How many versions are shown at first: few enough that the timeline below is easy to reach. */
const versionsShown = 10;

const columns = ['Version', 'State', 'Valid from', 'Valid to', 'By', 'Note', 'Value', 'Actions'];

/** The versions of a secret, and the actions on each. */
export const Versions = ({
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
  const [isAll, setAll] = useState(false);
  useFocusKept([isAll]);
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
          You cannot roll back. {noRollBack}
        </p>
      )}
      {hasOldValues && noDestroy && (
        <p class="soft" id={destroyId}>
          You cannot destroy values. {noDestroy}
        </p>
      )}
      <Table
        label={`Versions of ${name}, the newest first`}
        columns={columns}
        rows={entries.slice(0, isAll ? undefined : versionsShown).map((entry) => ({
          key: entry.version,
          isChosen: entry.version === versionThen,
          cells: [
            <>
              <span class="narrow">Version </span>
              {entry.version}
            </>,
            <Badge key="state">{entry.state}</Badge>,
            <Instant key="from" at={entry.validFrom} />,
            entry.validTo === null ? 'now' : <Instant key="to" at={entry.validTo} />,
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
      {!isAll && entries.length > versionsShown && (
        <p>
          <button type="button" onClick={() => setAll(true)}>
            Show all {entries.length} versions
          </button>
        </p>
      )}
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

/** The note of a version. A destroyed version has lost its note, so this shows who destroyed it. */
const NoteOf = (entry: VersionEntry) =>
  entry.state === 'destroyed' ? (
    <>
      destroyed by {entry.destroyedBy} on <Instant at={entry.destroyedAt} />
    </>
  ) : (
    entry.note
  );

/** How many versions are loaded, and buttons that load more. */
export const OlderVersions = ({
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
      <Waiting isWaiting={reading.isWaiting}>{reading.count} versions read so far…</Waiting>
    </div>
  );
};

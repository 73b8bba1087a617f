import { useEffect, useRef, useState } from 'preact/hooks';
import { limits } from '../../../../functions/model/limits.ts';
import { ActionButton, Command } from '../buttons.tsx';
import { useCaller, useLack } from '../caller.ts';
import { privateText } from '../form-fields.tsx';
import { Title, useFocusKept } from '../page-title.tsx';
import { useQuery } from '../query-hooks.ts';
import { QueryStatus } from '../query-status.tsx';
import { linkTo } from '../routes.ts';
import { findSecrets, namesMax, type SecretsPage, type State } from '../secret-search.ts';
import { Instant, Table } from '../table.tsx';
import { NewSecretDialog } from './new-secret.tsx';

const debounceMs = 200;

const nothing: SecretsPage = { secrets: [], nextCursor: null, isWhole: true };

/** A search. It is kept while the person looks at one secret and comes back. */
type Search = {
  readonly text: string;
  readonly state: State;
  /** The cursors of all pages after the first, up to the current one. */
  readonly cursors: readonly string[];
};
let lastSearch: Search = { text: '', state: 'stored', cursors: [] };

/** The secrets that the token covers, in pages, grouped and searchable by name. */
export const SecretsView = () => {
  const [search, setSearch] = useState(lastSearch);
  const [isCreating, setCreating] = useState(false);
  const { text, state, cursors } = search;
  const cursor = cursors.at(-1);
  const noList = useLack('secrets:list');
  const asking = useQuery(
    async (signal) => {
      lastSearch = search;
      // Without the scope, the vault would refuse the request, so it is not sent.
      return noList ? nothing : await findSecrets({ text, state, cursor }, signal);
    },
    [text, state, cursor],
  );
  const { result } = asking;
  const secrets = result?.secrets ?? [];
  useFocusKept([result]);
  return (
    <main>
      <div class="head">
        <Title>Secrets</Title>
        <ActionButton
          kind="main"
          onClick={() => setCreating(true)}
          lacks={useLack('secrets:write')}
        >
          New secret
        </ActionButton>
      </div>
      <SearchBar
        search={search}
        onSearch={(sought) => setSearch((last) => ({ ...last, ...sought, cursors: [] }))}
      />
      <QueryStatus of={asking}>Searching the names…</QueryStatus>
      {secrets.length > 0 && (
        <Table
          label={state === 'stored' ? 'Secrets' : 'Deleted secrets'}
          isBusy={asking.isWaiting}
          columns={['Name', 'Version', state === 'stored' ? 'Changed' : 'Deleted', 'By', 'Note']}
          rows={secrets.map(({ name, version, validFrom, createdBy, note }) => {
            const group = groupOf(name);
            return {
              key: name,
              group,
              cells: [
                <a key="link" href={linkTo('secrets', name)} aria-label={name}>
                  {name.slice(group.length)}
                </a>,
                version,
                <Instant key="changed" at={validFrom} />,
                createdBy,
                note,
              ],
            };
          })}
        />
      )}
      {result && secrets.length === 0 && !noList && <EmptyList search={search} />}
      {result?.isWhole === false && (
        <p class="soft">Only the first {namesMax} names were searched.</p>
      )}
      {noList && <p class="empty">{noList} The console cannot list secrets without it.</p>}
      {(cursors.length > 0 || result?.nextCursor) && (
        <div class="row">
          {cursors.length > 0 && (
            <button
              type="button"
              onClick={() => setSearch({ ...search, cursors: cursors.slice(0, -1) })}
            >
              Previous page
            </button>
          )}
          <span>Page {cursors.length + 1}</span>
          {result?.nextCursor && (
            <button
              type="button"
              onClick={() =>
                result.nextCursor &&
                setSearch({ ...search, cursors: [...cursors, result.nextCursor] })
              }
            >
              Next page
            </button>
          )}
        </div>
      )}
      {isCreating && <NewSecretDialog onClose={() => setCreating(false)} />}
    </main>
  );
};

/** The group of a secret is its name up to the last dot that is followed by something. */
const groupOf = (name: string): string => name.slice(0, name.lastIndexOf('.', name.length - 2) + 1);

const SearchBar = ({
  search,
  onSearch,
}: {
  readonly search: Search;
  readonly onSearch: (sought: Partial<Search>) => void;
}) => {
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping()) return;
      event.preventDefault();
      field.current?.select();
    };
    addEventListener('keydown', focus);
    return () => {
      clearTimeout(timer.current);
      removeEventListener('keydown', focus);
    };
  }, []);
  const changed = (text: string): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch({ text }), debounceMs);
  };
  return (
    <search class="row">
      <label>
        Find a name <kbd>/</kbd>{' '}
        <input
          ref={field}
          type="search"
          defaultValue={search.text}
          aria-keyshortcuts="/"
          maxLength={limits.nameCharactersMax}
          {...privateText}
          onInput={({ currentTarget }) => changed(currentTarget.value.trim())}
        />
      </label>
      <fieldset class="choice">
        <legend class="hidden">State</legend>
        {(['stored', 'deleted'] as const).map((state) => (
          <label key={state}>
            <input
              type="radio"
              name="state"
              checked={search.state === state}
              onChange={() => onSearch({ state })}
            />{' '}
            {state}
          </label>
        ))}
      </fieldset>
    </search>
  );
};

const isTyping = (): boolean =>
  document.activeElement instanceof HTMLElement &&
  document.activeElement.matches('input:not([type=radio], [type=checkbox]), textarea, select');

const EmptyList = ({ search: { text, state } }: { readonly search: Search }) => {
  const names = useCaller()?.names;
  const isPartial = names !== undefined && !names.includes('*');
  if (text !== '') {
    return (
      <p class="empty">
        No {state} secret has <strong>{text}</strong> in its name.
      </p>
    );
  }
  if (state === 'deleted') {
    return (
      <p class="empty">
        No secret is deleted. Deleted secrets are listed here. They keep their history and can be
        restored.
      </p>
    );
  }
  return (
    <div class="empty">
      <h2>No secrets yet</h2>
      <p>
        Choose <strong>New secret</strong> above, and type a name such as <code>DB_PASSWORD</code>{' '}
        and a value. Each later change becomes a new version, and the old versions are kept.
      </p>
      <p>To do the same on the command line:</p>
      <Command>printf %s hunter2 | dsvault create DB_PASSWORD --note 'a first try'</Command>
      <p>To store a whole file, with each assignment as a secret:</p>
      <Command>dsvault import .env</Command>
      {isPartial && (
        <p>
          Your token covers only <code>{names.join(', ')}</code>. Other secrets are not listed.
        </p>
      )}
    </div>
  );
};

import { useEffect, useRef, useState } from 'preact/hooks';
import { limits } from '../../../functions/model/limits.ts';
import { isSecretName } from '../../../functions/model/types.ts';
import { ActionButton, Command } from '../buttons.tsx';
import { useCaller, useLack } from '../caller.ts';
import { privateText } from '../form-fields.tsx';
import { Title, useFocusKept } from '../page-title.tsx';
import { useQuery } from '../query-hooks.ts';
import { QueryStatus } from '../query-status.tsx';
import { linkTo } from '../routes.ts';
import { ask } from '../session.ts';
import { Badge, Instant, Table } from '../table.tsx';
import { NewSecretDialog } from './new-secret.tsx';

const debounceMs = 200;

const nothing = { secrets: [], nextCursor: null };

type State = 'stored' | 'deleted';

/** The search of a person, kept while they look at one secret and come back. */
type Search = {
  /** The beginning of the names in the table. Names that hold this text elsewhere are listed below. */
  readonly prefix: string;
  readonly state: State;
  /** Where the pages after the first begin, up to the present one. */
  readonly cursors: readonly string[];
};
let lastSearch: Search = { prefix: '', state: 'stored', cursors: [] };

/** The secrets that the token covers: a page at a time, and searchable by their names. */
export const SecretsView = () => {
  const [search, setSearch] = useState(lastSearch);
  const [isCreating, setCreating] = useState(false);
  const { prefix, state, cursors } = search;
  const cursor = cursors.at(-1);
  const noList = useLack('secrets:list');
  const asking = useQuery(
    async (signal) => {
      lastSearch = search;
      // The vault would refuse the question. No name begins with such a text.
      if (noList || (prefix !== '' && !isSecretName(prefix))) return nothing;
      const query = {
        prefix: prefix || undefined,
        state,
        cursor,
        limit: limits.detailsPageMax,
      } as const;
      return await ask('list-secrets', { query: { ...query, include: 'details' } }, signal);
    },
    [prefix, state, cursor],
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
        onSearch={(sought) => setSearch({ ...search, ...sought, cursors: [] })}
      />
      <QueryStatus of={asking} />
      {secrets.length > 0 && (
        <Table
          label={state === 'stored' ? 'Secrets' : 'Deleted secrets'}
          isBusy={asking.isWaiting}
          columns={['Name', 'Version', 'Changed', 'By', 'Note', 'State']}
          rows={secrets.map((secret) => ({
            key: secret.name,
            cells: [
              <a key="link" href={linkTo('secrets', secret.name)}>
                {secret.name}
              </a>,
              secret.version,
              <Instant key="changed" at={secret.validFrom} />,
              secret.createdBy,
              secret.note,
              <Badge key="state">{secret.state}</Badge>,
            ],
          }))}
        />
      )}
      {result && secrets.length === 0 && !noList && <EmptyList search={search} />}
      {!noList && prefix !== '' && <OtherNames key={`${state} ${prefix}`} {...{ prefix, state }} />}
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
  const changed = (prefix: string): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onSearch({ prefix }), debounceMs);
  };
  return (
    <search class="row">
      <label>
        Find a name <kbd>/</kbd>{' '}
        <input
          ref={field}
          type="search"
          defaultValue={search.prefix}
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

const EmptyList = ({ search: { prefix, state } }: { readonly search: Search }) => {
  const names = useCaller()?.names;
  const isPartial = names !== undefined && !names.includes('*');
  if (prefix !== '') {
    return (
      <p class="empty">
        No {state} secret has a name that begins with <strong>{prefix}</strong>.
      </p>
    );
  }
  if (state === 'deleted') {
    return (
      <p class="empty">
        Nothing is deleted. A deleted secret is listed here, keeps its history, and can be restored.
      </p>
    );
  }
  return (
    <div class="empty">
      <h2>No secrets yet</h2>
      <p>
        Choose <strong>New secret</strong> above, type a name such as <code>DB_PASSWORD</code> and a
        value. Each later change becomes a new version, and no version is lost.
      </p>
      <p>The same from the command line:</p>
      <Command>printf %s hunter2 | dsvault create DB_PASSWORD --note 'a first try'</Command>
      <p>A whole file at once, each assignment as a secret:</p>
      <Command>dsvault import .env</Command>
      {isPartial && (
        <p>
          Your token covers only <code>{names.join(', ')}</code>. Other secrets are not listed.
        </p>
      )}
    </div>
  );
};

/** A search asks the vault for at most so many pages of names. */
const questionsMax = 20;
const othersShown = 50;

/** The names that hold a text, but do not begin with it, in the order of the list. */
const findOthers = async (text: string, state: State, signal: AbortSignal) => {
  const names: string[] = [];
  let cursor: string | null | undefined;
  for (let count = 0; count < questionsMax && cursor !== null; count += 1) {
    const query = { state, cursor: cursor ?? undefined, limit: limits.namesPageMax };
    const page = await ask('list-secrets', { query }, signal);
    names.push(...page.names.filter((name) => holds(name, text) && !name.startsWith(text)));
    cursor = page.nextCursor;
  }
  return { names, isWhole: cursor === null };
};

const holds = (name: string, text: string): boolean =>
  name.toLowerCase().includes(text.toLowerCase());

/** Lists the other names that hold the text. The vault itself searches only beginnings. */
const OtherNames = ({ prefix, state }: Pick<Search, 'prefix' | 'state'>) => {
  const asking = useQuery((signal) => findOthers(prefix, state, signal), []);
  const { result } = asking;
  const names = result?.names ?? [];
  const more = names.length - othersShown;
  return (
    <section aria-labelledby="others">
      <h2 id="others">Within a name</h2>
      <QueryStatus of={asking}>Looking at all names …</QueryStatus>
      {result && names.length === 0 && <p class="soft">No other name holds {prefix}.</p>}
      {names.length > 0 && (
        <ul>
          {names.slice(0, othersShown).map((name) => (
            <li key={name}>
              <a href={linkTo('secrets', name)}>{name}</a>
            </li>
          ))}
        </ul>
      )}
      {more > 0 && <p class="soft">{more} more names hold it. Type more of the one you want.</p>}
      {result?.isWhole === false && (
        <p class="soft">
          Only the first {limits.namesPageMax * questionsMax} names were looked at.
        </p>
      )}
    </section>
  );
};

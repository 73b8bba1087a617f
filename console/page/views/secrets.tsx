import { useState } from 'preact/hooks';
import { useAsking } from '../asking.ts';
import { Instant, Refused, Waiting } from '../parts.tsx';
import { linkTo } from '../routes.ts';
import { ask } from '../session.ts';

const pageSize = '50';

/** The secrets that the token covers: a page at a time, and searchable by the beginning of a name. */
export const SecretsView = () => {
  const [prefix, setPrefix] = useState('');
  const [state, setState] = useState<'stored' | 'deleted'>('stored');
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const cursor = cursors.at(-1);
  const { result, refusal, isWaiting } = useAsking(
    (signal) =>
      ask(
        'list-secrets',
        {
          query: {
            prefix: prefix || undefined,
            state,
            cursor,
            limit: pageSize,
            include: 'details',
          },
        },
        signal,
      ),
    [prefix, state, cursor],
  );
  return (
    <main>
      <h1>Secrets</h1>
      <search>
        <label>
          Names that begin with{' '}
          <input
            type="search"
            value={prefix}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              setCursors([]);
              setPrefix(currentTarget.value);
            }}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={state === 'deleted'}
            onChange={({ currentTarget }) => {
              setCursors([]);
              setState(currentTarget.checked ? 'deleted' : 'stored');
            }}
          />{' '}
          deleted ones
        </label>
      </search>
      <Refused refusal={refusal} />
      <table aria-busy={isWaiting}>
        <thead>
          <tr>
            {['Name', 'Version', 'Changed', 'By', 'Note'].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {result?.secrets?.map(({ name, version, validFrom, createdBy, note }) => (
            <tr key={name}>
              <th scope="row">
                <a href={linkTo('secrets', name)}>{name}</a>
              </th>
              <td>{version}</td>
              <td>
                <Instant at={validFrom} />
              </td>
              <td>{createdBy}</td>
              <td>{note}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {result?.secrets?.length === 0 && <p>No secrets here yet.</p>}
      <Waiting isWaiting={isWaiting && result === undefined} />
      <p class="pages">
        <button
          type="button"
          disabled={cursors.length === 0}
          onClick={() => setCursors(cursors.slice(0, -1))}
        >
          Previous page
        </button>
        <button
          type="button"
          disabled={!result?.nextCursor}
          onClick={() => setCursors([...cursors, result?.nextCursor ?? ''])}
        >
          Next page
        </button>
      </p>
    </main>
  );
};

import type { Holder, Holders } from '../../../log/holders.ts';
import { counted } from '../counted.ts';
import { useQuery } from '../query-hooks.ts';
import { QueryStatus } from '../query-status.tsx';
import { act } from '../session.ts';
import { Instant, Table } from '../table.tsx';

/**
 * Who has read the secret, and which version. Several programs may share one caller, so this never
 * proves that nobody holds an old version any more.
 */
export const HoldersOf = ({ name }: { readonly name: string }) => {
  const search = useQuery<Holders>((signal) => act('holders', { name }, signal), [name]);
  const { holders = [], begins, unreadable = 0 } = search.result ?? {};
  return (
    <>
      <QueryStatus of={search}>Searching the whole log…</QueryStatus>
      {search.result && holders.length === 0 && <p>The log shows no reader.</p>}
      {holders.length > 0 && (
        <Table
          label={`Who has read which version of ${name}, the last reader first`}
          columns={columns}
          rows={holders.map((holder) => ({
            key: [holder.tenant, holder.issuer, holder.subject].join(' '),
            cells: cellsOf(holder),
          }))}
        />
      )}
      <p class="soft">
        {begins && (
          <>
            The log begins at <Instant at={begins} />.
          </>
        )}{' '}
        {unreadable > 0 && `${counted(unreadable, 'line')} of requests cannot be read.`}
      </p>
    </>
  );
};

const columns = ['Caller', 'Issuer', 'Read', 'Last read', 'Older', 'Pinned', 'Listed', 'Current'];

const cellsOf = ({ tenant, issuer, subject, read, pinned, listed, current }: Holder) => {
  const [newest, ...others] = read;
  const [older] = others.sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp));
  return [
    `${tenant ?? '–'} / ${subject ?? '–'}`,
    issuer,
    newest && (
      <>
        {newest.version}
        {newest.version !== current && <small> an older version</small>}
      </>
    ),
    newest && <Instant at={newest.timestamp} />,
    older && (
      <>
        {older.version} at <Instant at={older.timestamp} />
      </>
    ),
    pinned.map(({ version }) => version).join(', '),
    listed.map(({ version }) => version).join(', '),
    current,
  ];
};

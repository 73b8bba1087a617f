/** One transaction for a run of entries, and what the store's answer to it means for each of them. Pure. */
import type { LogEntry } from './batch.ts';
import { movePosition, writeReceipt } from './bookkeeping.ts';
import { nextDigest, type Position } from './digest.ts';
import { actionsOf, outcomeCode, refusedReply } from './entry.ts';
import { type Action, errorName, reasonsOf, type WireReply } from './wire.ts';

/** What was decided of an entry without the store, or by it in an earlier try: it brings no action. */
export type Settled = { readonly code: string; readonly reply: WireReply };
/** One transaction: the actions, whose they are, and where it leads. */
export type Plan = {
  readonly actions: readonly Action[];
  readonly owners: readonly (LogEntry | undefined)[];
  readonly positions: readonly Position[];
  readonly last: Position;
};

/** Errors, and reasons of a cancelled transaction, that pass by themselves: no outcome, or the replicas would differ. */
const passing = new Set<string | undefined>([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'LimitExceededException',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'TransactionConflict',
]);
/** Whether the reply is no outcome: the same transaction is to be sent again. */
export const isPassing = (reply: WireReply): boolean =>
  passing.has(errorName(reply)) || reasonsOf(reply).some(({ Code: code }) => passing.has(code));

/** The transaction of a run that begins at `from`, without the entries that are settled already. */
export const plan = (
  from: Position,
  run: readonly LogEntry[],
  settled: ReadonlyMap<LogEntry, Settled>,
): Plan => {
  let last = from;
  const positions = run.map((logEntry) => {
    const { revision, version, entry } = logEntry;
    const code = settled.get(logEntry)?.code ?? 'applied';
    last = { revision, version, digest: nextDigest(last.digest, revision, entry.id, code) };
    return last;
  });
  const owned = run
    .filter((logEntry) => !settled.has(logEntry))
    .flatMap((logEntry) => {
      const { revision, entry } = logEntry;
      const receipt = entry.token ? [writeReceipt(revision, entry.token)] : [];
      return [...actionsOf(entry), ...receipt].map((action) => ({ action, owner: logEntry }));
    });
  return {
    actions: [...owned.map(({ action }) => action), movePosition(from, last)],
    owners: [...owned.map(({ owner }) => owner), undefined],
    positions,
    last,
  };
};

/** What the store's refusal means for the entries that it names; empty if it names none by itself. */
export const judge = ({ owners }: Plan, reply: WireReply): ReadonlyMap<LogEntry, Settled> => {
  const reasons = reasonsOf(reply);
  const settled = new Map<LogEntry, Settled>();
  for (const owner of new Set(owners)) {
    if (owner === undefined) continue;
    const count = actionsOf(owner.entry).length;
    const first = owners.indexOf(owner);
    const own = reasons.slice(first, first + count);
    if (own.every(({ Code: code = 'None' }) => code === 'None')) continue;
    const refused = refusedReply(owner.entry, reply, own);
    settled.set(owner, { code: outcomeCode(refused), reply: refused });
  }
  return settled;
};

/** One transaction for a run of entries, and what the store's answer to it means for each of them. Pure. */
import type { LogEntry } from './batch.ts';
import { movePosition, neverHolds, writeReceipts } from './bookkeeping.ts';
import { nextDigest, type Position } from './digest.ts';
import { type Action, errorName, reasonsOf, type WireReply } from './wire.ts';
import { actionsOf, outcomeCode, refusedReply, type Write } from './write.ts';

/** What was decided of a write without the store, or by it in an earlier try: it brings no action. */
export type Settled = { readonly code: string; readonly reply: WireReply };
/** One transaction: the actions, whose they are, and where it leads. */
export type Plan = {
  readonly actions: readonly Action[];
  readonly owners: readonly (Write | undefined)[];
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
  // dynoxide's word for what failed in the store itself, as on a full disk.
  'InternalError',
]);
/** Whether the reply is no outcome: the same transaction is to be sent again. */
export const isPassing = (reply: WireReply): boolean =>
  passing.has(errorName(reply)) || reasonsOf(reply).some(({ Code: code }) => passing.has(code));

/** The transaction of a run that begins at `from`, without the writes that are settled already. */
export const plan = (
  from: Position,
  run: readonly LogEntry[],
  settled: ReadonlyMap<Write, Settled>,
): Plan => {
  let last = from;
  const positions = run.map(({ revision, version, writes }) => {
    let { digest } = last;
    for (const write of writes) {
      digest = nextDigest(digest, revision, write.id, settled.get(write)?.code ?? 'applied');
    }
    last = { revision, version, digest };
    return last;
  });
  const owned = run.flatMap(({ revision, writes }) => {
    const left = writes.filter((write) => !settled.has(write));
    const tokens = left.flatMap(({ token }) => token ?? []);
    const receipts = tokens.length > 0 ? [writeReceipts(revision, tokens)] : [];
    return [
      ...left.flatMap((owner) => actionsOf(owner).map((action) => ({ action, owner }))),
      ...receipts.map((action) => ({ action, owner: undefined })),
    ];
  });
  return {
    actions: [...owned.map(({ action }) => action), movePosition(from, last)],
    owners: [...owned.map(({ owner }) => owner), undefined],
    positions,
    last,
  };
};

/** What the store's refusal means for the writes that it names; empty if it names none by itself. */
export const judge = ({ owners }: Plan, reply: WireReply): ReadonlyMap<Write, Settled> => {
  const reasons = reasonsOf(reply);
  const settled = new Map<Write, Settled>();
  for (const owner of new Set(owners)) {
    if (owner === undefined) continue;
    const count = actionsOf(owner).length;
    const first = owners.indexOf(owner);
    const own = reasons.slice(first, first + count);
    if (own.every(({ Code: code = 'None' }) => code === 'None')) continue;
    const refused = refusedReply(owner, reply, own);
    settled.set(owner, { code: outcomeCode(refused), reply: refused });
  }
  return settled;
};

/** A transaction that tells whether the store refuses the write as it is, whatever it holds; it changes nothing. */
export const probe = (write: Write): readonly Action[] => [...actionsOf(write), neverHolds];

/** What a probe's answer means; `undefined`: the write is not refused for what it is. */
export const judgeProbe = (reply: WireReply): Settled | undefined =>
  errorName(reply) === 'TransactionCanceledException'
    ? undefined
    : { code: outcomeCode(reply), reply };

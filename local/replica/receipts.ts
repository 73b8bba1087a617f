/**
 * What is known of tokens: a request that comes again under its token has had its effect. A token is known for a number
 * of revisions, and the replica keeps what it stands for in its store, in a ring of slots.
 */
import { refuse, type WireReply } from './wire.ts';
import type { Write } from './write.ts';

/** A token is known for so many revisions; the slot of its receipt is then another's. */
const receiptsMax = 100_000;

export type Token = NonNullable<Write['token']>;
export type Receipt = { readonly request: string; readonly revision: number };
/** By token. */
export type Receipts = Map<string, Receipt>;
type Known = { readonly receipts: Receipts };

/** Where the store keeps the receipts of a revision. */
export const slotOf = (revision: number): string =>
  String(revision % receiptsMax).padStart(String(receiptsMax).length, '0');

/**
 * What an earlier write with the same token says: the same request has had its effect, another one is a mistake.
 * `undefined`: there is none, or it is too long ago.
 */
export const judgeToken = (
  { receipts }: Known,
  revision: number,
  { token }: Write,
): { readonly code: string; readonly reply: WireReply } | undefined => {
  const receipt = token && receipts.get(token.value);
  if (!receipt || receipt.revision <= revision - receiptsMax) return undefined;
  if (receipt.request === token.request)
    return { code: 'repeated', reply: { status: 200, body: {} } };
  const name = 'IdempotentParameterMismatchException';
  const reply = refuse(name, 'the token was used for another request');
  return { code: name, reply };
};

const forgottenEvery = 1_000;

/** Remembers what was written with `writeReceipts`, and from time to time forgets what is too old. */
export const rememberReceipt = ({ receipts }: Known, revision: number, token: Token): void => {
  receipts.delete(token.value);
  receipts.set(token.value, { request: token.request, revision });
  if (revision % forgottenEvery !== 0) return;
  for (const [value, receipt] of receipts) {
    if (receipt.revision > revision - receiptsMax) break;
    receipts.delete(value);
  }
};

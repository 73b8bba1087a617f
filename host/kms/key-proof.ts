/**
 * Proves by stored values that a file contains the vault's master key, when no check value is
 * remembered. The id alone does not show it, because it stays the same if a character of the
 * material changes.
 */
import { type EncryptionContext, unwrap } from './data-key-wrapping.ts';
import type { KeyReading } from './master-key.ts';

export type WrappedKey = { readonly wrapped: Uint8Array; readonly context: EncryptionContext };

/** A sample of the vault's stored values. */
export type StoredKeys = {
  /** The wrapped data keys of values that name the key that is judged, at most `samplesMax`. */
  readonly own: readonly WrappedKey[];
  /** The id that the stored values name, if all of them name another key than this one. */
  readonly otherKeyId: string | undefined;
};

/** How many stored values are tried to prove a key. More than one, because some may be damaged. */
export const samplesMax = 5;

/**
 * Judges the key in `file` by the stored values. One that opens is proof enough. If none opens,
 * this may be the wrong key or damage, so nothing more may be stored: returns a message for people
 * that says why. Returns `undefined` if the key is proved, or if nothing is stored that could prove
 * it.
 */
export const judgeByValues = (
  file: string,
  key: Pick<KeyReading, 'keyId' | 'secret'>,
  { own, otherKeyId }: StoredKeys,
): string | undefined => {
  const opens = ({ wrapped, context }: WrappedKey): boolean => {
    const unwrapped = unwrap(key, Buffer.from(wrapped), context);
    if ('fault' in unwrapped) return false;
    unwrapped.dataKey.fill(0);
    return true;
  };
  if (own.some(opens)) return undefined;
  if (own.length > 0) {
    const which = own.length === 1 ? 'the only stored value' : `${own.length} stored values`;
    return `${file} has the id of the vault's master key, but does not open ${which}`;
  }
  if (otherKeyId === undefined) return undefined;
  return `${file} holds another master key than this vault's, whose values name the key ${otherKeyId}`;
};

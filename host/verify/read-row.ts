/** Turns items of the table into rows: a decoded item, or what is wrong with it. */

import {
  type IdempotencyRecord,
  isSecretName,
  isTenant,
  type StoredVersion,
} from '../../functions/model/types.ts';
import { decodeHead, decodeRecord, decodeVersion } from '../../functions/store/decoding.ts';
import {
  headSortKey,
  type Item,
  type ItemKey,
  recordSortKey,
  versionSortKey,
} from '../../functions/store/items.ts';

/** A violation, and the item that shows it. */
export type Violation = ItemKey & { readonly problem: string };

export type Row = ItemKey &
  (
    | { readonly kind: 'head' | 'version'; readonly stored: StoredVersion }
    | { readonly kind: 'record'; readonly tenant: string; readonly record: IdempotencyRecord }
    | { readonly kind: 'unreadable'; readonly problem: string }
  );

const partitionForm = /^TENANT#([^#]*)#(SECRET|IDEMPOTENCY)#([^#]*)$/;
const hashForm = /^[A-Za-z0-9_-]{43}$/;

const keyOf = (item: Item): ItemKey => ({
  pk: item['pk']?.S ?? '',
  sk: item['sk']?.S ?? '',
});

/**
 * Decodes an item as strictly as the vault does. An unknown kind of item counts as unreadable,
 * too.
 */
export const readRow = (item: Item, vaultId: string): Row => {
  const key = keyOf(item);
  const [, tenant = '', kind, rest = ''] = partitionForm.exec(key.pk) ?? [];
  const { sk } = key;
  const owner = { vault: vaultId, tenant };
  try {
    if (isTenant(tenant) && kind === 'SECRET' && isSecretName(rest)) {
      if (sk === headSortKey)
        return { ...key, kind: 'head', stored: decodeHead(item, owner, rest) };
      const version = Number(sk.slice(versionSortKey(0).length - 10));
      if (sk === versionSortKey(version)) {
        return { ...key, kind: 'version', stored: decodeVersion(item, owner, rest, version) };
      }
    }
    if (isTenant(tenant) && kind === 'IDEMPOTENCY' && hashForm.test(rest) && sk === recordSortKey) {
      return { ...key, kind: 'record', tenant, record: decodeRecord(item, key) };
    }
    return { ...key, kind: 'unreadable', problem: 'is not an item of the vault' };
  } catch {
    return { ...key, kind: 'unreadable', problem: whyUnreadable(item, vaultId) };
  }
};

const whyUnreadable = ({ sk, vault, state }: Item, vaultId: string): string => {
  if (vault?.S !== undefined && vault.S !== vaultId) return 'belongs to another vault';
  if (sk?.S === headSortKey && state?.S === 'destroyed') return 'is a head without its value';
  return 'has an attribute that is missing, unknown or malformed';
};

/**
 * The table on one page (docs/design/storage.md). template.yaml creates it:
 *
 *   head item         TENANT#<tenant>#SECRET#<name>        HEAD                 the current version, whole
 *   version item      TENANT#<tenant>#SECRET#<name>        VERSION#0000000042   a superseded version
 *   idempotency item  TENANT#<tenant>#IDEMPOTENCY#<hash>   RECORD               what a keyed request did
 *
 * A secret exists if and only if its head item exists. Tenants and names hold no `#`, so no two keys
 * of different meaning are equal. The sparse index `byTenant` (tenant, name; keys only) covers head
 * items and decides nothing.
 */
import { isNameVisible } from '../model/names.ts';
import type { Principal } from '../model/types.ts';

export type ItemKey = { readonly pk: string; readonly sk: string };

export const indexName = 'byTenant';
export const headSortKey = 'HEAD';
export const recordSortKey = 'RECORD';
export const versionSortKey = (version: number): string =>
  `VERSION#${String(version).padStart(10, '0')}`;

export const secretPartition = (tenant: string, name: string): string =>
  `TENANT#${tenant}#SECRET#${name}`;

/**
 * The partition in which to look up a name. A name that is hidden from the principal leads to a partition that is
 * never written. So the calls and their results are the same as for a name that never existed, and the real items
 * are not read.
 */
export const visiblePartition = ({ tenant, names }: Principal, name: string): string =>
  isNameVisible(names, name) ? secretPartition(tenant, name) : `TENANT#${tenant}#ABSENT#${name}`;

export const recordKey = ({ tenant }: Principal, hash: string): ItemKey => ({
  pk: `TENANT#${tenant}#IDEMPOTENCY#${hash}`,
  sk: recordSortKey,
});

/**
 * Expiry is stored and compared in whole seconds, the unit of DynamoDB's time to live. A read and the condition of
 * a write must agree on which record has expired.
 */
export const wholeSeconds = (instant: number): number => Math.floor(instant / 1000) * 1000;

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
import { isInSight } from '../model/names.ts';
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
 * The partition to look a name up in. For a name out of the principal's sight it is one that is never
 * written: the same calls are made, the same is found as for a name that never existed, and the real
 * items are not touched.
 */
export const visiblePartition = ({ tenant, names }: Principal, name: string): string =>
  isInSight(names, name) ? secretPartition(tenant, name) : `TENANT#${tenant}#ABSENT#${name}`;

export const recordKey = ({ tenant }: Principal, hash: string): ItemKey => ({
  pk: `TENANT#${tenant}#IDEMPOTENCY#${hash}`,
  sk: recordSortKey,
});

/**
 * Expiry is kept and compared in whole seconds, the unit of DynamoDB's time to live; a read and a
 * write's condition must agree on who is alive.
 */
export const wholeSeconds = (instant: number): number => Math.floor(instant / 1000) * 1000;

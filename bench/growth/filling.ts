/**
 * The secrets of `npm run bench -- growth`, and how a store is filled with them. Their names depend on their number
 * alone, so a filling that was interrupted goes on where it was. A batch is one transaction, so it is there whole or
 * not at all.
 */
import { createHash, randomBytes } from 'node:crypto';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { headSortKey, secretPartition } from '../../functions/dynamodb/items.ts';
import type { Principal } from '../../functions/model/types.ts';
import { someone } from '../../test/support/requests.ts';
import { createFill, type Filled } from '../fill.ts';
import { times } from '../operations.ts';

export const versionsEach = 3;
const valueBytes = 256;
/** With three versions each, 75 items. */
export const batchSecrets = 25;
const tenants = 10;
const reportEvery = 1_000;

export type SecretName = { readonly tenant: string; readonly name: string };

const tenantOf = (batch: number): string => `growth-${batch % tenants}`;

/** The secret of this number, counted from 0. Its name says nothing about its number, as names of people do not. */
export const secretOf = (number: number): SecretName => ({
  tenant: tenantOf(Math.floor(number / batchSecrets)),
  name: `S${createHash('sha256').update(String(number)).digest('hex').slice(0, 15)}`,
});

const namesOf = (batch: number): readonly string[] =>
  times(batchSecrets, (index) => secretOf(batch * batchSecrets + index).name);

const isThere = async ({ dynamodb, tableName }: Filled, batch: number): Promise<boolean> => {
  const { tenant, name } = secretOf(batch * batchSecrets);
  const Key = { pk: { S: secretPartition(tenant, name) }, sk: { S: headSortKey } };
  const command = new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true });
  return (await dynamodb.send(command)).Item !== undefined;
};

/** A batch that is not there, though the one before it is. `batches` if all are there. */
const findFirstMissing = async (filled: Filled, batches: number): Promise<number> => {
  let [there, missing] = [-1, batches];
  while (missing - there > 1) {
    const middle = Math.floor((there + missing) / 2);
    if (await isThere(filled, middle)) there = middle;
    else missing = middle;
  }
  return missing;
};

/**
 * Writes the secrets that are not there yet, in `lanes` transactions at a time. `secrets` is a multiple of
 * `batchSecrets`. `report` gets the count of secrets now and then. Returns how many were written.
 */
export const fillWith = async (
  filled: Filled,
  secrets: number,
  lanes: number,
  report: (secrets: number) => void,
): Promise<number> => {
  const fills = times(tenants, (tenant) => {
    const principal: Principal = someone({ tenant: tenantOf(tenant), subject: 'growth' });
    return createFill(filled, principal);
  });
  const batches = secrets / batchSecrets;
  const first = await findFirstMissing(filled, batches);
  // Lanes that were interrupted together may have left gaps before this batch and batches behind it.
  let next = Math.max(0, first - lanes);
  const certain = Math.min(batches, first + lanes);
  const from = Date.now() - 86_400_000;
  let written = 0;
  const lane = async (): Promise<void> => {
    while (next < batches) {
      const batch = next;
      next += 1;
      if (batch < certain && (await isThere(filled, batch))) continue;
      const newValue = () => randomBytes(valueBytes);
      await fills[batch % tenants]?.together(namesOf(batch), versionsEach, newValue, from);
      written += batchSecrets;
      if (next % reportEvery === 0) report(next * batchSecrets);
    }
  };
  await Promise.all(times(lanes, lane));
  return written;
};

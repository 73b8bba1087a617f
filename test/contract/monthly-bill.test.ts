/** The bill in docs/deploy.md is computed from the measured costs of operations and the list prices. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  billOf,
  billTable,
  limitsTable,
  memory,
  monthsOfLogs,
  totalOf,
  work,
} from '../../bench/monthly.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { parseTemplate } from '../../local/host/template.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';

const month = { secrets: 1_000, versions: 2, creates: 1_000, updates: 1_000, reads: 1_000_000 };

describe('the monthly bill', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  it('uses the measured costs of a create, an update and a read', async () => {
    const alice = someone();
    const value = bytes('v'.repeat(256));
    const one = { name: 'DB_PASSWORD', fingerprint: undefined };
    const costs = { create: requestContext(), update: requestContext(), get: requestContext() };
    await createSecret(vault.ports)(costs.create, alice, { ...one, value });
    await updateSecret(vault.ports)(costs.update, alice, { ...one, value, ifMatch: undefined });
    await getSecret(vault.ports)(costs.get, alice, { ...one, which: 'latest' });
    const measured = Object.values(costs).map(({ journal }) => [
      journal.units(),
      journal.kmsCalls.length,
    ]);
    const counted = Object.values(work).map(({ readUnits, writeUnits, masterKeyCalls }) => [
      readUnits + writeUnits,
      masterKeyCalls,
    ]);
    expect(measured).toEqual(counted);
    expect(Object.values(costs).map(({ journal }) => journal.storeCalls)).toEqual([
      ['PutItem'],
      ['GetItem', 'TransactWriteItems'],
      ['GetItem'],
    ]);
  });

  it('uses the memory and the retention of the template', () => {
    const { Globals, Parameters } = parseTemplate(readFileSync('template.yaml', 'utf8')) as {
      readonly Globals: { readonly Function: { readonly MemorySize: number } };
      readonly Parameters: { readonly LogRetentionDays: { readonly Default: number } };
    };
    expect(memory).toBe(Globals.Function.MemorySize / 1_024);
    expect(monthsOfLogs).toBe(Parameters.LogRetentionDays.Default / 30);
  });

  it('is equal to the bill in docs/deploy.md', () => {
    const page = readFileSync('docs/deploy.md', 'utf8');
    const bill = billOf(month);
    expect(page).toContain(billTable(bill));
    expect(page).toContain(`$${totalOf(bill).toFixed(2)} a month`);
    const unused = bill.filter(({ what }) => ['Metrics', 'KMS, the key'].includes(what));
    expect(page).toContain(`of which $${totalOf(unused).toFixed(2)} is there`);
  });

  it('grows with each kind of use', () => {
    const total = totalOf(billOf(month));
    for (const part of Object.keys(month)) {
      expect(totalOf(billOf({ ...month, [part]: 10_000_000 }))).toBeGreaterThan(total);
    }
  });
});

describe('the limits of docs/deploy.md', () => {
  it('are equal to the limits that the computation uses', () => {
    expect(readFileSync('docs/deploy.md', 'utf8')).toContain(limitsTable());
  });
});

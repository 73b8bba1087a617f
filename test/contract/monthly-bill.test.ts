/** The bill in docs/deploy/aws.md is computed from the measured costs of operations and the list prices. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  billOf,
  billTable,
  limitsTable,
  memory,
  monthsOfLogs,
  totalOf,
} from '../../bench/monthly.ts';
import { parseTemplate } from '../../local/template.ts';

const month = { secrets: 1_000, versions: 2, creates: 1_000, updates: 1_000, reads: 1_000_000 };

describe('the monthly bill', () => {
  it('uses the memory and the retention of the template', () => {
    const { Globals, Parameters } = parseTemplate(readFileSync('template.yaml', 'utf8')) as {
      readonly Globals: { readonly Function: { readonly MemorySize: number } };
      readonly Parameters: { readonly LogRetentionDays: { readonly Default: number } };
    };
    expect(memory).toBe(Globals.Function.MemorySize / 1_024);
    expect(monthsOfLogs).toBe(Parameters.LogRetentionDays.Default / 30);
  });

  it('equals the bill in docs/deploy/aws.md', () => {
    const page = readFileSync('docs/deploy/aws.md', 'utf8');
    const bill = billOf(month);
    expect(page).toContain(billTable(bill));
    expect(page).toContain(`$${totalOf(bill).toFixed(2)} a month`);
    const unused = bill.filter(({ what }) => ['Metrics', 'KMS, the key'].includes(what));
    expect(page).toContain(`$${totalOf(unused).toFixed(2)} of it are due`);
  });

  it('grows with each kind of use', () => {
    const total = totalOf(billOf(month));
    for (const part of Object.keys(month)) {
      expect(totalOf(billOf({ ...month, [part]: 10_000_000 }))).toBeGreaterThan(total);
    }
  });
});

describe('the limits of docs/deploy/aws.md', () => {
  it('are equal to the limits that the computation uses', () => {
    expect(readFileSync('docs/deploy/aws.md', 'utf8')).toContain(limitsTable());
  });
});

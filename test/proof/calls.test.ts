/**
 * Checks every call of every operation where the services see it: consistent reads where they decide, conditions on
 * writes, identifiers in the encryption context at KMS, no plaintext, and the number and units of
 * test/support/costs.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTemplate } from '../../local/host/template.ts';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { type Cost, costs, envCost, getAtCost } from '../support/costs.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { newValue, readers, writers } from '../support/operations.ts';
import { requestContext, someone } from '../support/requests.ts';

const key = 'k'.repeat(20);

/** The cost of each operation of test/support/operations.ts; the second is its cost with a key. */
const expected: Readonly<Record<string, readonly [Cost, Cost?]>> = {
  'create-secret': [costs['create-secret'], costs['create-secret, keyed']],
  'update-secret': [costs['update-secret'], costs['update-secret, keyed']],
  'encrypt-env of one name': [envCost({ created: 1 }), envCost({ created: 1, recordKb: 1 })],
  'encrypt-env': [envCost({ created: 3 }), envCost({ created: 3, recordKb: 1 })],
  'submit-env': [envCost({ created: 3, read: 2 }), envCost({ created: 3, read: 2, recordKb: 1 })],
  'get-secret': [costs['get-secret']],
  'get-secret by version': [costs['get-secret by version']],
  // The second of four versions takes the head and two halvings.
  'get-secret at an instant': [getAtCost(4)],
  // The three versions below the head together take one unit.
  'list-versions': [{ ...costs['list-versions'], kms: Array(4).fill('Decrypt'), reads: 1 + 1 }],
  // A query costs at least this; a few names cost no more.
  'list-secrets': [{ ...costs['list-secrets'], reads: 0.5 }],
  'expand-env': [envCost({ read: 2 })],
  'expand-env with pins': [envCost({ read: 2, superseded: 1 })],
};

describe('every operation', () => {
  let vault: Embedded;
  let wired: Wired;
  let calls = 0;
  beforeAll(async () => {
    vault = await startEmbedded();
    wired = await wireUp(vault);
  });
  afterAll(async () => {
    const operations = writers.length * 2 + readers.length;
    printFigure(
      'calls',
      `${calls} calls of ${operations} operations keep every rule and their cost`,
    );
    await vault.close();
  });

  const cases = [
    ...writers.flatMap((operation) => [
      { name: operation.name, operation, withKey: undefined },
      { name: `${operation.name}, keyed`, operation, withKey: key },
    ]),
    ...readers.map((operation) => ({ name: operation.name, operation, withKey: undefined })),
  ];

  it('covers the template, except health and status', async () => {
    const { routes } = await readTemplate('template.yaml');
    const known = new Set(cases.map(({ operation }) => operation.name.split(' ')[0]));
    const others = routes.map(({ operation }) => operation).filter((name) => !known.has(name));
    // These two operations do not concern secrets.
    expect(others.sort()).toEqual(['get-health', 'get-status']);
  });

  // Shows G15.
  it.each(cases)(
    'makes only calls that keep the rules and cost what the table says: $name',
    async ({ operation, withKey }) => {
      const principal = someone();
      await operation.prepare(vault.ports, principal);
      const adversary = startAdversary(wired.forward, {
        choose: () => ({ kind: 'passed' }),
        pause: async () => {},
        random: () => 0,
        watch: watchCalls(canaryForms(newValue)),
      });
      const context = requestContext();
      await operation.run(withKey)(wired.portsBehind(adversary.exchange), context, principal);
      expect(adversary.violations).toEqual([]);
      const { storeCalls, kmsCalls, readUnits, writeUnits } = context.journal;
      expect({
        store: storeCalls.toSorted(),
        kms: kmsCalls.toSorted(),
        reads: readUnits(),
        writes: writeUnits(),
      }).toEqual(expected[operation.name]?.[withKey === undefined ? 0 : 1]);
      // The journal reports exactly the calls that were sent.
      expect(adversary.met).toHaveLength(storeCalls.length + kmsCalls.length);
      calls += adversary.met.length;
    },
  );
});

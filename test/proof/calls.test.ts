/**
 * Every call of every operation, as the services see it: consistent where it decides, guarded where it
 * writes, bound to identifiers at KMS, without plaintext, and of the number and the units of
 * test/support/costs.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTemplate } from '../../local/template.ts';
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

/** By the operations of test/support/operations.ts; what a key adds is the second. */
const expected: Readonly<Record<string, readonly [Cost, Cost?]>> = {
  'create-secret': [costs['create-secret'], costs['create-secret, keyed']],
  'update-secret': [costs['update-secret'], costs['update-secret, keyed']],
  'encrypt-env of one name': [envCost({ created: 1 }), envCost({ created: 1, recordKb: 1 })],
  'encrypt-env': [envCost({ created: 3 }), envCost({ created: 3, recordKb: 1 })],
  'submit-env': [envCost({ created: 3, read: 2 }), envCost({ created: 3, read: 2, recordKb: 1 })],
  'get-secret': [costs['get-secret']],
  'get-secret by version': [costs['get-secret by version']],
  // The second of four versions: the head, and two halvings.
  'get-secret at an instant': [getAtCost(4)],
  // Four versions, the three below the head in one unit.
  'list-versions': [{ ...costs['list-versions'], kms: Array(4).fill('Decrypt'), reads: 1 + 1 }],
  // Few names: the least that a query costs.
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

  it('of the template is among them', async () => {
    const { routes } = await readTemplate('template.yaml');
    const known = new Set(cases.map(({ operation }) => operation.name.split(' ')[0]));
    const others = routes.map(({ operation }) => operation).filter((name) => !known.has(name));
    // Neither of these is about secrets.
    expect(others.sort()).toEqual(['get-health', 'get-status']);
  });

  it.each(cases)(
    'makes only calls that keep the rules, and at the cost of the table: $name',
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
      // What the journal tells is what was sent.
      expect(adversary.met).toHaveLength(storeCalls.length + kmsCalls.length);
      calls += adversary.met.length;
    },
  );
});

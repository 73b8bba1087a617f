/**
 * Every call of every operation, as the services see it: consistent where it decides, guarded where it
 * writes, bound to identifiers at KMS, without plaintext, and of the number and the units of the table
 * in docs/design/storage.md.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTemplate } from '../../local/template.ts';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { newValue, readers, writers } from '../support/operations.ts';
import { requestContext, someone } from '../support/requests.ts';

const key = 'k'.repeat(20);

/** Calls to the store and to KMS, and units; a key adds a read of its record and its part of the write. */
const costs: Readonly<Record<string, { store: number; kms: number; units: number }>> = {
  'create-secret': { store: 1, kms: 1, units: 2 },
  'update-secret': { store: 2, kms: 1, units: 5 },
  'encrypt-env of one name': { store: 1, kms: 1, units: 2 },
  'encrypt-env': { store: 1, kms: 3, units: 9 },
  'submit-env': { store: 2, kms: 5, units: 2 * 2 + 2 * (3 + 2) + 3 },
  'get-secret': { store: 1, kms: 1, units: 1 },
  'get-secret by version': { store: 3, kms: 1, units: 3 },
  // The second of four versions: the head, and two halvings.
  'get-secret at an instant': { store: 3, kms: 1, units: 3 },
  'list-versions': { store: 2, kms: 4, units: 2 },
  'list-secrets': { store: 1, kms: 0, units: 0.5 },
  'expand-env': { store: 1, kms: 2, units: 4 },
  'expand-env with pins': { store: 2, kms: 3, units: 5 },
};
/** What a create of one costs in a transaction, beyond what it costs alone. */
const alone = ['create-secret', 'encrypt-env of one name'];

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
      const { storeCalls, kmsCalls, units } = context.journal;
      const { store, kms, units: cost } = costs[operation.name] ?? { store: 0, kms: 0, units: 0 };
      const ofKey = withKey === undefined ? 0 : 3 + (alone.includes(operation.name) ? 1 : 0);
      expect({ store: storeCalls.length, kms: kmsCalls.length, units: units() }).toEqual({
        store: store + (withKey === undefined ? 0 : 1),
        kms,
        units: cost + ofKey,
      });
      // What the journal tells is what was sent.
      expect(adversary.met).toHaveLength(storeCalls.length + kmsCalls.length);
      calls += adversary.met.length;
    },
  );
});

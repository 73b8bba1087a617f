/** The store in memory, held to the embedded one: asked the same, it answers the same. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import type { Exchange, Reply } from '../support/adversary/wire.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { createMemoryStore } from '../support/memory-dynamodb.ts';
import { readers, writers } from '../support/operations.ts';
import { requestContext, someone } from '../support/requests.ts';

/** Told by each store in words of its own, or of no meaning to the vault. */
const ownWords = new Set(['message', 'Message', 'TableName', 'LastEvaluatedKey', 'Table']);

/** What a reply says, whatever the order of its members. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .filter(([name]) => !ownWords.has(name))
    .map(([name, member]) => [
      name,
      name === '__type' ? String(member).split('#')[1] : canonical(member),
    ])
    // A count of units for each table is no more than their sum.
    .filter(([, member]) => JSON.stringify(member) !== '{}');
  return Object.fromEntries(members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
};
const told = ({ status, body }: Reply) => ({ status, ...(canonical(JSON.parse(body)) as object) });

describe('the store in memory', () => {
  let vault: Embedded;
  let wired: Wired;
  beforeAll(async () => {
    vault = await startEmbedded();
    wired = await wireUp(vault);
  });
  afterAll(() => vault.close());

  const cases = [...writers, ...readers].flatMap((operation) => {
    const keys = operation.writes.length > 0 ? [undefined, 'k'.repeat(20)] : [undefined];
    return keys.map((key) => ({ name: operation.name, key, operation }));
  });

  it.each(cases)('answers like the embedded one: $name with the key $key', async (of) => {
    const memory = createMemoryStore();
    let compared = 0;
    const both: Exchange = async (call) => {
      const reply = await wired.forward(call);
      if (call.service === 'kms') return reply;
      expect([call.operation, told(await memory.exchange(call))]).toEqual([
        call.operation,
        told(reply),
      ]);
      compared += 1;
      return reply;
    };
    const ports = wired.portsBehind(both);
    const principal = someone();
    const run = () => of.operation.run(of.key)(ports, requestContext(), principal);
    // Of nothing, then of what is there, then again: refused, or made anew.
    for (const prepare of [async () => {}, of.operation.prepare, async () => {}]) {
      await prepare(ports, principal);
      await run().catch(() => {});
    }
    expect(compared).toBeGreaterThan(2);
  });
});

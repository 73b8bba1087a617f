/** Every operation answers alike for foreign, hidden and missing names, with the same calls and units. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { vaultOver } from '../support/vault.ts';

let vault: Embedded;
let ask: ReturnType<typeof vaultOver>;
beforeAll(async () => {
  vault = await startEmbedded();
  ask = vaultOver(vault.ports);
});
afterAll(() => vault.close());

const began = 1_700_000_000_000;
type Context = ReturnType<typeof requestContext>;
type Ask = (principal: Principal, name: string, context: Context) => Promise<unknown>;
const file = (name: string) => `X=secret(OWN)\nY="secret(${name})secret(${name}@1)"\n`;
const asks: Readonly<Record<string, Ask>> = {
  'get-secret': (alice, name, context) => ask.get(alice, name, 'latest', { context }),
  'get-secret of a version': (alice, name, context) =>
    ask.get(alice, name, { version: 1 }, { context }),
  'get-secret of the current version': (alice, name, context) =>
    ask.get(alice, name, { version: 2 }, { context }),
  'get-secret as of an instant': (alice, name, context) =>
    ask.get(alice, name, { at: began + 1 }, { context }),
  'list-versions': (alice, name, context) => ask.versions(alice, name, {}, { context }),
  'list-versions with values': (alice, name, context) =>
    ask.versions(alice, name, { includeValues: true }, { context }),
  'update-secret': (alice, name, context) => ask.update(alice, name, 'x', { context }),
  'update-secret with If-Match': (alice, name, context) =>
    ask.update(alice, name, 'x', { context, ifMatch: [2] }),
  'update-secret with a key': (alice, name, context) =>
    ask.update(alice, name, 'x', { context, key: 'k'.repeat(20) }),
  'expand-env': (alice, name, context) => ask.expand(alice, file(name), { context }),
  'expand-env as of an instant': (alice, name, context) =>
    ask.expand(alice, file(name), { context, at: began + 1_000 }),
  'submit-env': (alice, name, context) => ask.submit(alice, file(name), { context }),
};

// Shows G3, G7.
it.each(Object.entries(asks))(
  '%s answers not_found alike for foreign, hidden and missing names, with the same calls',
  async (_, asking) => {
    const alice = someone();
    const stranger = someone();
    for (const principal of [alice, stranger]) {
      await makeSecret(vault.ports, principal, 'OWN', ['o'], began);
    }
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    const answers = [];
    for (const [principal, name] of [
      [alice, 'NO'],
      [stranger, 'DB'],
      [{ ...alice, names: ['D', 'DBX', 'X*', 'OWN'] }, 'DB'],
    ] as const) {
      const context = requestContext();
      const { code, message, members } = await asking(principal, name, context).then(
        () => ({ code: 'no refusal', message: '', members: {} }),
        (error) => error,
      );
      const { storeCalls, kmsCalls, units } = context.journal;
      const told = JSON.stringify([code, message, members]).replaceAll('"NO"', '"DB"');
      answers.push({ code, told, storeCalls, kmsCalls, units: units() });
    }
    expect(answers[0]?.code).toBe('not_found');
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  },
);

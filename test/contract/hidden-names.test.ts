/**
 * Another tenant's names, hidden names and missing names must be indistinguishable: every operation
 * gives the same answer for them, with the same calls and units.
 */
import { expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { Items, ItemsOf } from '../../functions/store/ports.ts';
import { storeOver } from '../support/embedded.ts';
import { requestContext, someone, vaultId } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

const vault = useEmbedded();

/**
 * What one request did in the store: its calls, without the partitions that they name, and which of
 * the items exist.
 */
type Watched = { readonly asked: string[]; readonly found: string[] };
/** The requests so far, by their writeId. */
const requests = new Map<string, Watched>();
const watched: ItemsOf = (context) => {
  const items = vault.itemsOf(context);
  const { asked, found } = requests.get(context.writeId) ?? { asked: [], found: [] };
  requests.set(context.writeId, { asked, found });
  const ask = async <Result>(call: unknown, result: Promise<Result>): Promise<Result> => {
    asked.push(JSON.stringify(call));
    const shown = await result;
    const exist = Array.isArray(shown) ? shown.map((one) => one !== undefined) : shown;
    found.push(JSON.stringify([call, exist]));
    return shown;
  };
  const get: Items['get'] = (keys, options) =>
    ask(['get', keys.map(({ sk }) => sk), options], items.get(keys, options));
  const range: Items['range'] = (pk, which) => ask(['range', which], items.range(pk, which));
  const write: Items['write'] = (guards) => {
    const told = guards.map(({ key: { sk }, expected: { is } }) => [sk, is]);
    return ask(['write', told], items.write(guards));
  };
  return { ...items, get, range, write };
};
const ask = vaultOver({
  vaultId,
  store: storeOver(watched),
  dataKeys: { for: (context) => vault.ports.dataKeys.for(context) },
});

const began = 1_700_000_000_000;
const key = 'k'.repeat(20);
type Context = ReturnType<typeof requestContext>;
type Ask = (principal: Principal, name: string, context: Context) => Promise<unknown>;
const file = (name: string) => `X=secret(OWN)\nY="secret(${name})secret(${name}@1)"\n`;
const next = (name: string) => `${name}=x\nZ="enc(${name}@next)"\n`;
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
  'update-secret with an anchor in If-Match': (alice, name, context) =>
    ask.update(alice, name, 'x', { context, ifMatch: ['2.k3f9qzTb'] }),
  'expand-env of an anchored pin': (alice, name, context) =>
    ask.expand(alice, `X=secret(OWN)\nY=secret(${name}@1.k3f9qzTb)\n`, { context }),
  'update-secret with a key': (alice, name, context) =>
    ask.update(alice, name, 'x', { context, key }),
  'get-secret with If-None-Match': (alice, name, context) =>
    ask.getUnless(alice, name, '*', { context }),
  'copy-secret within a history': (alice, name, context) =>
    ask.copy(alice, name, { version: 1 }, { context }),
  'copy-secret to the name': (alice, name, context) =>
    ask.copy(alice, name, { name: 'OWN' }, { context, key }),
  'copy-secret from the name': (alice, name, context) =>
    ask.copy(alice, 'OWN', { name }, { context }),
  'copy-secret from a version of the name, with a key': (alice, name, context) =>
    ask.copy(alice, 'OWN', { name, version: 1 }, { context, key }),
  'copy-secret from the name, as a create': (alice, name, context) =>
    ask.copy(alice, 'X_NEW', { name }, { context, create: true }),
  'delete-secret': (alice, name, context) => ask.delete(alice, name, { context }),
  'delete-secret with If-Match': (alice, name, context) =>
    ask.delete(alice, name, { context, ifMatch: [2] }),
  'delete-secret with a key': (alice, name, context) => ask.delete(alice, name, { context, key }),
  'destroy-version': (alice, name, context) => ask.destroy(alice, name, 1, { context }),
  'destroy-version of the current version': (alice, name, context) =>
    ask.destroy(alice, name, 2, { context }),
  'destroy-version of a version above the current one': (alice, name, context) =>
    ask.destroy(alice, name, 3, { context }),
  'expand-env': (alice, name, context) => ask.expand(alice, file(name), { context }),
  'expand-env as of an instant': (alice, name, context) =>
    ask.expand(alice, file(name), { context, at: began + 1_000 }),
  'submit-env': (alice, name, context) => ask.submit(alice, file(name), { context }),
  'submit-env with a key': (alice, name, context) =>
    ask.submit(alice, file(name), { context, key }),
  'submit-env of a next version': (alice, name, context) =>
    ask.submit(alice, `N=1\nY=enc(N)\nX=secret(OWN)\n${next(name)}`, { context }),
  'encrypt-env of a next version': (alice, name, context) =>
    ask.encrypt(alice, next(name), { context }),
  'encrypt-env of a next version with ifVersions': (alice, name, context) =>
    ask.encrypt(alice, next(name), { context, ifVersions: new Map([[name, 2]]) }),
  'encrypt-env of a next version with a key': (alice, name, context) =>
    ask.encrypt(alice, next(name), { context, key }),
  'encrypt-env of a next version as a dry run': (alice, name, context) =>
    ask.encrypt(alice, next(name), { context, dryRun: true }),
};

const answerOf = async (asking: Ask, principal: Principal, name: string) => {
  const context = requestContext();
  const { code, message, properties, forLog } = await asking(principal, name, context).then(
    () => ({ code: 'no refusal', message: '', properties: {}, forLog: {} }),
    (error) => error,
  );
  const { storeCalls, kmsCalls, decisions, units } = context.journal;
  const told = JSON.stringify([code, message, properties, decisions]).replaceAll(
    `"${name}"`,
    '"DB"',
  );
  const { asked, found } = requests.get(context.writeId) ?? { asked: [], found: [] };
  // Parallel calls finish in any order.
  const costs = {
    ...{ storeCalls: storeCalls.toSorted(), kmsCalls, units: units() },
    asked: asked.toSorted(),
  };
  return { answer: { code, told, ...costs }, forLog, found: found.toSorted() };
};

// Shows G3, G7.
it.each(Object.entries(asks))(
  '%s gives the same not_found, after the same calls, for a name of another tenant, a hidden name and a missing one',
  async (_, asking) => {
    const alice = someone();
    const stranger = someone();
    for (const principal of [alice, stranger]) {
      await makeSecret(vault.ports, principal, 'OWN', ['o'], began);
    }
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    const missing = await answerOf(asking, alice, 'NO');
    expect(missing.answer.code).toBe('not_found');
    expect(await answerOf(asking, stranger, 'DB')).toEqual(missing);
    const blind = { ...alice, names: ['D', 'DBX', 'X*', 'OWN', 'N'] };
    const hidden = await answerOf(asking, blind, 'DB');
    expect(hidden.answer).toEqual(missing.answer);
    // The log says that the name is hidden, and says the same about a hidden name that never
    // existed.
    expect(hidden.forLog).not.toEqual(missing.forLog);
    expect(await answerOf(asking, blind, 'NO')).toEqual(hidden);
  },
);

// Shows G7.
it.each([
  ['update', (alice, name, context) => ask.update(alice, name, 'x', { context, key })],
  ['deletion', (alice, name, context) => ask.delete(alice, name, { context, key })],
  ['copy', (alice, name, context) => ask.copy(alice, name, { version: 1 }, { context, key })],
] as const satisfies readonly (readonly [string, Ask])[])(
  'the record of a keyed %s does not change the answer about a name that is now hidden',
  async (_, asking) => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
    await asking(alice, 'DB', requestContext());
    const blind = { ...alice, names: ['OTHER'] };
    const hidden = await answerOf(asking, blind, 'DB');
    const missing = await answerOf(asking, { ...blind, subject: 'bob' }, 'NO');
    expect(hidden.answer.code).toBe('not_found');
    // The record of the caller's own request is found, and makes no difference.
    expect([hidden.answer, hidden.forLog]).toEqual([missing.answer, missing.forLog]);
  },
);

it.each([
  'get-secret',
  'get-secret with If-None-Match',
  'update-secret',
  'update-secret with If-Match',
  'update-secret with a key',
  'delete-secret',
  'delete-secret with If-Match',
  'delete-secret with a key',
  'encrypt-env of a next version',
  'encrypt-env of a next version with ifVersions',
  'encrypt-env of a next version with a key',
])('%s answers not_found for a deleted secret as for a missing one', async (name) => {
  const alice = someone();
  await makeSecret(vault.ports, alice, 'DB', ['a', 'b'], began);
  await ask.delete(alice, 'DB');
  const asking = asks[name] ?? (async () => {});
  const [deleted, missing] = [
    await answerOf(asking, alice, 'DB'),
    await answerOf(asking, alice, 'NO'),
  ];
  expect(deleted.answer).toEqual(missing.answer);
});

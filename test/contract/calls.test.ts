/**
 * Checks each call that an operation makes at the point where the service receives it: consistent
 * reads where they decide something, conditions on writes, identifiers in the encryption context,
 * and no plaintext. The number of calls and units must equal test/support/routes.ts, so a test
 * also fails when a cost falls and the record was not updated.
 */
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { getHealthRoute } from '../../functions/get-health.ts';
import type { ErrorCode } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import { getStatus } from '../../functions/vault/get-status.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Cost, calls, envCost, getAtCost, itemReads, keptBytes } from '../support/costs.ts';
import { tableName } from '../support/embedded.ts';
import { requestOf } from '../support/events.ts';
import { createKeptLog } from '../support/kept-log.ts';
import { newValue } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone, vaultId } from '../support/requests.ts';
import { readers, writers } from '../support/routes.ts';
import { makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

type Context = ReturnType<typeof requestContext>;
type Vault = ReturnType<typeof vaultOver>;
/** An operation and its arguments, without the caller. Its options are last. */
type Asked = {
  [Op in keyof Vault]: Required<Parameters<Vault[Op]>> extends [Principal, ...infer Rest]
    ? readonly [Op, ...Rest]
    : never;
}[keyof Vault];
type Case = {
  readonly prepare: (ports: Ports, alice: Principal) => Promise<unknown>;
  readonly run: (ports: Ports, context: Context, alice: Principal) => unknown;
  readonly cost: Cost;
  /** The code with which the operation is refused; undefined if it succeeds. */
  readonly refused?: ErrorCode | undefined;
};

const key = 'k'.repeat(20);
const value = newValue.padEnd(256, 'x');
const values = (count: number) => Array.from({ length: count }, () => value);
const namesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);
/** Content of a file that creates some names and reads others. */
const linesOf = (created: readonly string[], read: readonly string[] = []) =>
  [
    ...created.map((name) => `${name}=1\nX_${name}=enc(${name})\n`),
    ...read.map((name) => `Y_${name}=secret(${name})\n`),
  ].join('');

const undisturbed = [...writers, ...readers].flatMap(({ name, prepare, run, cost, keyed }) => {
  const once: [string, Case] = [name, { prepare, run: run(), cost }];
  if (keyed === undefined) return [once];
  const withKey: typeof once = [`${name}, keyed`, { prepare, run: run(key), cost: keyed }];
  return [once, withKey];
});

/** How many versions the secret has that is read as of an instant. */
const readVersions = 17;
/**
 * For each request: the secrets that exist before it, with their number of versions, what it costs,
 * and the code of its refusal if there is one. A negative number means that the last version is a
 * deletion.
 */
const others: readonly [string, Readonly<Record<string, number>>, Asked, Cost, ErrorCode?][] = [
  [
    'a create of an existing name',
    { DB: 1 },
    ['create', 'DB', value, {}],
    calls({}, 'PutItem', 'GenerateDataKey'),
    'secret_exists',
  ],
  [
    'an update of a missing secret',
    {},
    ['update', 'DB', value, {}],
    itemReads(1, 'GenerateDataKey'),
    'not_found',
  ],
  ['a get of a missing secret', {}, ['get', 'DB', 'latest', {}], itemReads(1), 'not_found'],
  ['a deletion of a missing secret', {}, ['delete', 'DB', {}], itemReads(1), 'not_found'],
  ['a history of a missing secret', {}, ['versions', 'DB', {}, {}], itemReads(1), 'not_found'],
  [
    'a get by a number that is too high',
    { DB: 1 },
    ['get', 'DB', { version: 3 }, {}],
    itemReads(3),
    'not_found',
  ],
  ['a destruction of a missing secret', {}, ['destroy', 'DB', 1, {}], itemReads(2), 'not_found'],
  [
    'a keyed deletion of a missing secret, with a second look for its record,',
    {},
    ['delete', 'DB', { key }],
    calls({ reads: 2 + 2 }, 'GetItem', 'GetItem', 'TransactGetItems'),
    'not_found',
  ],
  [
    'a keyed update of a missing secret, with a second look for its record,',
    {},
    ['update', 'DB', value, { key }],
    calls({ reads: 2 + 2 }, 'GetItem', 'GetItem', 'TransactGetItems', 'GenerateDataKey'),
    'not_found',
  ],
  [
    'an update of a deleted secret',
    { DB: -1 },
    ['update', 'DB', value, {}],
    itemReads(1, 'GenerateDataKey'),
    'not_found',
  ],
  [
    'a rollback',
    { DB: 3 },
    ['copy', 'DB', { version: 1 }, {}],
    calls(
      { reads: 2 + 1, writes: 2 * 3 },
      ...['GetItem', 'TransactGetItems', 'TransactWriteItems', 'Decrypt', 'GenerateDataKey'],
    ),
  ],
  [
    'a copy of the current version of another secret',
    { DB: 3, FROM: 2 },
    ['copy', 'DB', { name: 'FROM' }, {}],
    calls(
      { reads: 2 * 2, writes: 2 * 3 },
      ...['TransactGetItems', 'TransactWriteItems', 'Decrypt', 'GenerateDataKey'],
    ),
  ],
  [
    'a copy to a missing secret, without a call to KMS,',
    { FROM: 1 },
    ['copy', 'DB', { name: 'FROM' }, {}],
    calls({ reads: 2 * 2 }, 'TransactGetItems'),
    'not_found',
  ],
  [
    'a get by a caller whose version is outdated',
    { DB: 2 },
    ['getUnless', 'DB', [1], {}],
    itemReads(1, 'Decrypt'),
  ],
  ['a get of a deleted secret', { DB: -1 }, ['get', 'DB', 'latest', {}], itemReads(1), 'not_found'],
  [
    'a page of ten names with details',
    Object.fromEntries(namesOf('LISTED_', 10).map((name) => [name, 1])),
    ['names', { limit: 50, includeDetails: true }, {}],
    // The query of the index costs half a unit, and each of the ten heads one.
    calls({ reads: 0.5 + 10 }, 'BatchGetItem', 'Query'),
  ],
  ...[1, 3, 4].map((version): (typeof others)[number] => [
    `a get of version ${version} of four`,
    { DB: 4 },
    ['get', 'DB', { version }, {}],
    itemReads(3, 'Decrypt'),
  ]),
  ...[false, true].map((includeValues): (typeof others)[number] => [
    `a page of ten versions, with values: ${includeValues}`,
    { DB: 11 },
    ['versions', 'DB', { limit: 10, includeValues }, {}],
    // The query reads ten versions of 850 bytes, which is three times 4 KB.
    calls({ reads: 1 + 2 }, 'GetItem', 'Query', ...Array(includeValues ? 10 : 0).fill('Decrypt')),
  ]),
  [
    'a page of a hundred names',
    Object.fromEntries(namesOf('LISTED_NAME_', 100).map((name) => [name, 1])),
    ['names', {}, {}],
    // The query reads a hundred entries of the index with names of 14 characters, at half a unit
    // for each 4 KB.
    calls({ reads: 1.5 }, 'Query'),
  ],
  [
    'a file that creates forty names',
    {},
    ['encrypt', linesOf(namesOf('N', 40)), {}],
    envCost({ created: 40 }),
  ],
  [
    'a file that reads forty names',
    Object.fromEntries(namesOf('K', 40).map((name) => [name, 1])),
    ['expand', linesOf([], namesOf('K', 40)), {}],
    envCost({ read: 40 }),
  ],
  [
    'a keyed file that creates twenty names and reads twenty',
    Object.fromEntries(namesOf('K', 20).map((name) => [name, 1])),
    ['submit', linesOf(namesOf('N', 20), namesOf('K', 20)), { key }],
    envCost({ created: 20, read: 20, recordKb: 2 }),
  ],
  [
    'a file that stores a next version and a new secret, and reads another one',
    { P: 1, Q: 2 },
    ['submit', `${linesOf(['A'], ['P'])}Q=${value}\nX_Q=enc(Q@next)\n`, {}],
    envCost({ created: 1, next: 1, read: 1 }),
  ],
  [
    'a keyed file that only reads, with an unconditional write of its record,',
    { P: 1, Q: 1 },
    ['submit', linesOf([], ['P', 'Q']), { key }],
    envCost({ read: 2, recordKb: 1 }),
  ],
  [
    'a dry run, which reads all names and writes nothing,',
    { P: 1, Q: 1 },
    ['submit', linesOf(['A', 'B', 'C'], ['P', 'Q']), { dryRun: true }],
    calls({ reads: 2 * 5 }, 'TransactGetItems', ...envCost({ created: 3, read: 2 }).kms),
  ],
  ...['secret(P)', 'secret(Q@4)'].map((reference): (typeof others)[number] => [
    `a file with a missing reference: ${reference}`,
    { Q: 3 },
    ['expand', `V=${reference}\n`, {}],
    calls({ reads: 2 }, 'TransactGetItems'),
    'not_found',
  ]),
  [
    // Reads P, Q, Q@1, Q@2 and Q@3, where Q@3 is the head.
    'a file with pins, with one read for each superseded version,',
    { P: 1, Q: 3 },
    ['expand', 'V=secret(P)\nW=secret(Q)secret(Q@1)secret(Q@2)secret(Q@3)secret(Q@1)\n', {}],
    envCost({ read: 2, superseded: 2, checked: 3 }),
  ],
  [
    'a file that asks for its pinned form, which costs nothing extra,',
    { P: 2 },
    ['expand', linesOf([], ['P']), { pin: true }],
    envCost({ read: 1 }),
  ],
  [
    'a file with a new name and a pinned version, on which it sets no condition,',
    { Q: 2 },
    ['submit', `${linesOf(['A'])}V=secret(Q@1)\n`, {}],
    envCost({ created: 1, read: 1, superseded: 1, checked: 0 }),
  ],
];
const cases: readonly [string, Case][] = [
  ...undisturbed,
  ...others.map(([title, secrets, asked, cost, refused]): [string, Case] => [
    title,
    {
      prepare: async (ports, alice) => {
        const making = Object.entries(secrets).map(async ([name, count]) => {
          await makeSecret(ports, alice, name, values(Math.abs(count)));
          if (count < 0) await vaultOver(ports).delete(alice, name);
        });
        await Promise.all(making);
      },
      run: (ports, context, alice) => {
        const [operation, ...parts] = asked;
        const ask = vaultOver(ports)[operation] as (...all: readonly unknown[]) => unknown;
        return ask(alice, ...parts.slice(0, -1), { ...Object(parts.at(-1)), context });
      },
      cost,
      refused,
    },
  ]),
];

const costOf = ({ journal }: Context): Cost => ({
  store: journal.storeCalls.toSorted(),
  kms: journal.kmsCalls.toSorted(),
  reads: journal.readUnits(),
  writes: journal.writeUnits(),
});

describe('calls and costs:', () => {
  const vault = useEmbedded('dynamodb');
  let wired: Wired;
  beforeAll(async () => {
    wired = await wireUp(vault);
  });

  /** Returns the ports, and a list that collects every data key passing through them. */
  const watched = (ports: Ports): { ports: Ports; keys: Uint8Array[] } => {
    const keys: Uint8Array[] = [];
    const watching = changedPorts(ports, {
      dataKeys: ({ generate, unwrap }) => ({
        generate: async (bound) => {
          const made = await generate(bound);
          keys.push(made.plaintext);
          return made;
        },
        unwrap: async (...asked) => {
          const opened = await unwrap(...asked);
          keys.push(opened);
          return opened;
        },
      }),
    });
    return { ports: watching, keys };
  };

  // Shows G15.
  it.each(cases)(
    '%s makes only allowed calls, costs what its case says, and erases its data keys',
    async (_, { prepare, run, cost, refused }) => {
      const alice = someone();
      await prepare(vault.ports, alice);
      const adversary = startAdversary(wired.forward, {
        choose: () => ({ kind: 'passed' }),
        pause: async () => {},
        random: () => 0,
        watch: watchCalls(canaryForms(newValue)),
      });
      const context = requestContext();
      const { ports, keys } = watched(wired.portsBehind(adversary.exchange));
      const running = Promise.resolve(run(ports, context, alice));
      if (refused === undefined) await running;
      else expect(await codeOf(() => running)).toBe(refused);
      expect(adversary.violations).toEqual([]);
      expect(costOf(context)).toEqual(cost);
      // The journal must report exactly the calls that were sent.
      expect(adversary.met).toHaveLength(cost.store.length + cost.kms.length);
      expect(keys).toHaveLength(cost.kms.filter((call) => call !== 'DescribeKey').length);
      for (const each of keys) expect(Buffer.from(each)).toEqual(Buffer.alloc(32));
    },
  );

  it('an expansion whose tag is still current reads only the head of the one name in its file', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'P', [value]);
    const ask = vaultOver(vault.ports);
    const { tag } = await ask.expand(alice, linesOf([], ['P']));
    const context = requestContext();
    await ask.expandUnless(alice, linesOf([], ['P']), { context, unless: tag });
    expect(costOf(context)).toEqual(calls({ reads: 2 }, 'TransactGetItems'));
  });

  it('a repeated keyed deletion reads the head and the record, and a repeated destruction reads the head and the version', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', values(2));
    const ask = vaultOver(vault.ports);
    await ask.delete(alice, 'DB', { key });
    await ask.destroy(alice, 'DB', 1);
    for (const repeat of [
      (context: Context) => ask.delete(alice, 'DB', { context, key }),
      (context: Context) => ask.destroy(alice, 'DB', 1, { context }),
    ]) {
      const context = requestContext();
      await repeat(context);
      expect(costOf(context)).toEqual(itemReads(2));
    }
  });

  it('a repeated keyed create looks for its record and gets a data key, and makes no other call', async () => {
    const alice = someone();
    const create = (context: Context) =>
      vaultOver(vault.ports).create(alice, 'DB', value, { context, key });
    await create(requestContext());
    const context = requestContext();
    expect(await create(context)).toMatchObject({ replayed: true });
    const cost = itemReads(1, 'GenerateDataKey');
    expect(costOf(context)).toEqual(cost);
  });

  it('reads as of an instant make at most ⌈log2 n⌉ reads for a name with n versions, besides the read of the heads', async () => {
    const alice = someone();
    const began = Date.now() - 100_000;
    const making = ['P', 'Q'].map((name) =>
      makeSecret(vault.ports, alice, name, values(readVersions), began),
    );
    await Promise.all(making);
    const gets: Cost[] = [];
    const files: Cost[] = [];
    for (let at = began; at < began + readVersions * 1_000; at += 1_000) {
      const [get, expand] = [requestContext(), requestContext()];
      await vaultOver(vault.ports).get(alice, 'P', { at }, { context: get });
      const content = linesOf([], ['P', 'Q']);
      await vaultOver(vault.ports).expand(alice, content, { context: expand, at });
      gets.push(costOf(get));
      files.push(costOf(expand));
    }
    for (const { store, reads } of gets) expect(reads).toBe(store.length);
    const dearest = gets.reduce((most, cost) => (cost.reads > most.reads ? cost : most));
    expect(dearest).toEqual(getAtCost(readVersions));
    expect(gets.at(-1)).toEqual(getAtCost(1));
    const most = 2 * Math.ceil(Math.log2(readVersions));
    expect(Math.max(...files.map(({ store }) => store.length))).toBe(1 + most);
    for (const cost of files) {
      const single = cost.store.filter((call) => call === 'GetItem').length;
      const { store, writes } = envCost({ read: 2, superseded: single });
      expect({ ...cost, kms: cost.kms.length }).toEqual({
        store,
        writes,
        kms: 2,
        reads: 2 * 2 + single,
      });
    }
    expect(files.at(-1)).toEqual(envCost({ read: 2 }));
  });

  it('the status probes the table and the key once, and makes no call when asked again at once', async () => {
    const status = getStatus(vault.ports, { elapsed: () => 0 });
    for (const cost of [calls({}, 'DescribeTable', 'DescribeKey'), calls({})]) {
      const context = requestContext();
      await status(context, someone());
      expect(costOf(context)).toEqual(cost);
    }
  });

  it('health calls no service, according to its own log line', async () => {
    const log = createKeptLog();
    const parts = { clock: machineClock, ...log };
    const health = getHealthRoute.serve(parts, { isReady: async () => true });
    await health(requestOf(), {});
    expect(log.lines()).toMatchObject([{ storeCalls: 0, kmsCalls: 0, units: 0 }]);
  });

  it.each([
    ['usual', { tenant: 't'.repeat(16), subject: 's'.repeat(16) }, 'N'.repeat(16), keptBytes.usual],
    [
      'the maximum',
      { tenant: 't'.repeat(64), subject: 's'.repeat(256) },
      'N'.repeat(128),
      keptBytes.largest,
    ],
  ])(
    'a secret with names of %s length stores at most the documented overhead besides its value',
    async (_, who, name, most) => {
      const principal = someone(who);
      await makeSecret(vault.ports, principal, name, ['']);
      const { Items } = await vault
        .dynamodb()
        .send(new ScanCommand({ TableName: tableName, ConsistentRead: true }));
      const item = Items?.find(({ tenant }) => tenant?.S === principal.tenant) ?? {};
      // DynamoDB counts names and texts as UTF-8, and two bytes for a number this short. On AWS,
      // wrapped data keys and key ARNs are longer than with the KMS of these tests.
      const ofAws: Record<string, number> = { wrappedDataKey: 184, masterKeyId: 80 };
      const size = Object.entries(item).reduce((sum, [attribute, { S, N, B }]) => {
        const bytesOfValue = N === undefined ? (S ?? B ?? '').length : 2;
        return sum + attribute.length + (ofAws[attribute] ?? bytesOfValue);
      }, 0);
      // This test does not store the longest note and vault id, so their sizes are added.
      const more = most === keptBytes.largest ? 64 - vaultId.length + 'note'.length + 512 : 0;
      expect(size + more).toBeGreaterThan(most - 40);
      expect(size + more).toBeLessThanOrEqual(most);
    },
  );
});

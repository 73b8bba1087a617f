/** The time limits of a request: what may still begin, and which service is blamed. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';
import { beforeAll, expect, it } from '@jest/globals';
import { createDynamodbItems } from '../../functions/dynamodb/dynamodb-items.ts';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import { times } from '../../functions/model/limits.ts';
import type { Principal } from '../../functions/model/types.ts';
import { machineClock } from '../../functions/runtime/clock.ts';
import type { ItemsOf } from '../../functions/store/ports.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { storeOver, tableName } from '../support/embedded.ts';
import { hostile } from '../support/item-faults.ts';
import { codeOf } from '../support/refusals.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const vault = useEmbedded();
const ask = askOf(vault);
let alice: Principal;
beforeAll(async () => {
  alice = someone();
  await makeSecret(vault.ports, alice, 'HOT', ['one', 'two']);
});

type Options = { readonly abortSignal: AbortSignal };
type Send = (command: object, options: Options) => Promise<object>;
/** A call that hangs until its signal aborts. */
const hang: Send = (_, { abortSignal }) =>
  new Promise((_end, reject) => {
    abortSignal.addEventListener('abort', () => reject(abortSignal.reason));
  });
/** Makes a request that began `ms` milliseconds ago. */
const late = (ms: number) => {
  let gone = 0;
  const clock = { ...machineClock, elapsed: () => machineClock.elapsed() + gone };
  const context = requestContext({ clock });
  gone = ms;
  return context;
};

it('a KMS call may still begin shortly before seven seconds have passed', async () => {
  // The request's clock stands still, so a slow machine cannot use up its time.
  const context = { ...requestContext(), elapsed: () => times.kmsCallsUntilMs - 50.5 };
  expect((await ask.get(alice, 'HOT', 'latest', { context })).text).toBe('two');
});

it('no KMS call begins after seven seconds, not even for an update or a file that waited for its turn', async () => {
  const waited = () => late(times.kmsCallsUntilMs);
  const [get, update, file] = [waited(), waited(), waited()];
  const got = () => ask.get(alice, 'HOT', 'latest', { context: get });
  expect(await codeOf(got)).toBe('throttled');
  const updated = () => ask.update(alice, 'HOT', 'y', { context: update });
  expect(await codeOf(updated)).toBe('throttled');
  const filed = () =>
    ask.encrypt(alice, 'A=enc(HOT@next)', { values: new Map([['HOT', 'y']]), context: file });
  expect(await codeOf(filed)).toBe('throttled');
  for (const { journal } of [update, file]) expect(journal.storeCalls).toEqual([]);
  for (const { journal } of [get, update, file]) {
    expect([journal.kmsCalls, journal.decisions]).toEqual([[], []]);
  }
});

it('no write may begin after eight seconds', async () => {
  let elapsedMs = 0;
  const context = { ...requestContext(), elapsed: () => elapsedMs };
  const ports = changedPorts(vault.ports, {
    dataKeys: ({ generate }) => ({
      generate: async (bound) => {
        const key = await generate(bound);
        elapsedMs = times.newAttemptsUntilMs;
        return key;
      },
    }),
  });
  const created = () => vaultOver(ports).create(alice, 'NEW', 'x', { context });
  expect(await codeOf(created)).toBe('throttled');
  expect(context.journal.storeCalls).toEqual([]);
});

it('a request that KMS does not answer fails with master_key_unavailable, even if the store is slow too', async () => {
  const clock = virtualClock();
  const context = requestContext({ clock });
  clock.advance(times.kmsCallsUntilMs - 50);
  const silent: Send = (command, options) => {
    const ended = hang(command, options);
    while (!options.abortSignal.aborted) clock.advance(10);
    return ended;
  };
  const dataKeys = createDataKeys(createKmsKey({ send: silent } as unknown as KMSClient, 'key'));
  const far = hostile(vault.itemsOf, () => {
    clock.advance(100);
    return undefined;
  });
  const store = storeOver(far);
  const created = () =>
    vaultOver({ ...vault.ports, store, dataKeys }).create(alice, 'NEW', 'x', { context });
  expect(await codeOf(created)).toBe('master_key_unavailable');
  expect(context.journal.decisions.map(({ decision }) => decision)).toEqual(['key_fault']);
});

const slowStores: readonly (readonly [string, (pass: (ms: number) => void) => ItemsOf])[] = [
  [
    'never answers',
    () => createDynamodbItems({ send: hang } as unknown as DynamoDBClient, tableName),
  ],
  [
    'takes all the time until no KMS call may begin',
    (pass) =>
      hostile(vault.itemsOf, () => {
        pass(times.kmsCallsUntilMs);
        return undefined;
      }),
  ],
];
// Shows G9.
it.each(slowStores)(
  'a store that %s makes get, list and expand answer store_unavailable, without a KMS call or a key fault',
  async (_, itemsOf) => {
    for (const operation of ['get', 'list', 'expand'] as const) {
      let gone = 0;
      const context = requestContext({
        clock: {
          ...machineClock,
          elapsed: () => machineClock.elapsed() + gone,
          after: (ms, act) => machineClock.after(ms / 100, act),
        },
      });
      const slow = itemsOf((ms) => {
        gone += ms;
      });
      const store = storeOver(slow);
      const { get, versions, expand } = vaultOver({ ...vault.ports, store });
      const asking = {
        get: () => get(alice, 'HOT', 'latest', { context }),
        list: () => versions(alice, 'HOT', { includeValues: true }, { context }),
        expand: () => expand(alice, 'A=secret(HOT)\n', { context }),
      };
      expect([operation, await codeOf(asking[operation])]).toEqual([
        operation,
        'store_unavailable',
      ]);
      expect([context.journal.kmsCalls, context.journal.decisions]).toEqual([[], []]);
    }
  },
);

it('concurrent updates of one secret that exceed the time of a request are partly stored and partly throttled, without a key fault', async () => {
  // Every write moves the clock on by 100 ms, which counts against the time of all requests.
  let elapsedMs = 0;
  const clock = { ...machineClock, elapsed: () => elapsedMs };
  const ports = changedPorts(vault.ports, {
    store: ({ write }) => ({
      write: async (asked) => {
        elapsedMs += 100;
        return await write(asked);
      },
    }),
  });
  const update = updateSecret(ports);
  const request = { name: 'HOT', value: bytes('x'), ifMatch: undefined, fingerprint: undefined };
  const contexts = Array.from({ length: 100 }, () => requestContext({ clock }));
  const fates = await Promise.allSettled(contexts.map((of) => update(of, alice, request)));
  const codes = fates.map((fate) => (fate.status === 'fulfilled' ? 'stored' : fate.reason.code));
  expect(new Set(codes)).toEqual(new Set(['stored', 'throttled']));
  const decisions = contexts.flatMap(({ journal }) => journal.decisions);
  expect(new Set(decisions.map(({ decision }) => decision))).toEqual(new Set(['version_written']));
});

import { setTimeout as sleep } from 'node:timers/promises';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { times } from '../../functions/model/limits.ts';
import { machineClock } from '../../functions/runtime/machine.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { getSecret } from '../../functions/vault/get-secret.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { type Embedded, startEmbedded, storeOver } from '../support/embedded.ts';
import * as fault from '../support/faults.ts';
import { bytes, requestContext, someone } from '../support/requests.ts';
import { makeSecret } from '../support/secrets.ts';

/** A call that ends only when its signal aborts. */
const untilAborted = ({ abortSignal }: { readonly abortSignal: AbortSignal }): Promise<never> =>
  new Promise((_, reject) => {
    abortSignal.addEventListener('abort', () => reject(abortSignal.reason));
  });

describe('request time limits, on the embedded store and KMS', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  /** A request that began `ms` ago. */
  const late = (ms: number) => {
    let gone = 0;
    const context = requestContext({
      clock: { ...machineClock, elapsed: () => machineClock.elapsed() + gone },
    });
    gone = ms;
    return context;
  };

  it('allow a KMS call shortly before its limit', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['x']);
    // The clock of this request stands still, so that a busy machine cannot use up its time.
    const context = { ...requestContext(), elapsed: () => times.kmsCallsUntilMs - 50.5 };
    const request = { name: 'DB', which: 'latest' } as const;
    const { value } = await getSecret(vault.ports)(context, alice, request);
    expect(Buffer.from(value).toString()).toBe('x');
  });

  it('allow no new KMS call after seven seconds', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['x']);
    const context = late(times.kmsCallsUntilMs);
    const request = { name: 'DB', which: 'latest' } as const;
    await expect(getSecret(vault.ports)(context, alice, request)).rejects.toMatchObject({
      code: 'throttled',
    });
    expect([context.journal.kmsCalls, context.journal.decisions]).toEqual([[], []]);
  });

  it('suffice to blame the key and not the store when KMS does not answer', async () => {
    const context = late(times.kmsCallsUntilMs - 50);
    const hangs = {
      send: (_: unknown, options: { abortSignal: AbortSignal }) => untilAborted(options),
    };
    const dataKeys = createDataKeys(hangs as unknown as KMSClient, 'key');
    // Each call to this distant store takes a tenth of a second.
    const far = async (command: object, options: { abortSignal: AbortSignal }) => {
      await sleep(100, undefined, { signal: options.abortSignal });
      return await vault.dynamodb.send(command as GetItemCommand, options);
    };
    const store = storeOver(Object.assign(Object.create(vault.dynamodb), { send: far }));
    const request = { name: 'NEW', value: bytes('x'), fingerprint: undefined };
    const create = createSecret({ store, dataKeys });
    await expect(create(context, someone(), request)).rejects.toMatchObject({
      code: 'master_key_unavailable',
    });
    expect(context.journal.decisions.map(({ decision }) => decision)).toEqual(['key_fault']);
  });

  it('allow no new write after eight seconds', async () => {
    const alice = someone();
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
    const request = { name: 'DB', value: bytes('x'), fingerprint: undefined };
    const create = createSecret(ports);
    await expect(create(context, alice, request)).rejects.toMatchObject({ code: 'throttled' });
    expect(context.journal.storeCalls).toEqual([]);
  });

  it('throttle an update that has waited more than seven seconds for its turn', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'DB', ['x']);
    const context = late(times.kmsCallsUntilMs);
    const request = { name: 'DB', value: bytes('y'), ifMatch: undefined, fingerprint: undefined };
    await expect(updateSecret(vault.ports)(context, alice, request)).rejects.toMatchObject({
      code: 'throttled',
    });
    expect([...context.journal.storeCalls, ...context.journal.kmsCalls]).toEqual([]);
    expect(context.journal.decisions).toEqual([]);
  });

  it('end a hanging read with store_unavailable', async () => {
    const hanging = fault.hostile(vault.dynamodb, () => undefined);
    const send = (command: object, { abortSignal }: { abortSignal: AbortSignal }) =>
      command instanceof GetItemCommand
        ? new Promise((_, reject) => {
            abortSignal.addEventListener('abort', () => reject(abortSignal.reason));
          })
        : Promise.reject(new Error('not expected'));
    const store = storeOver(Object.assign(Object.create(hanging), { send }));
    const context = requestContext({
      clock: { ...machineClock, signalAfter: (ms) => AbortSignal.timeout(Math.ceil(ms / 100)) },
    });
    const request = { name: 'DB', which: 'latest' } as const;
    const ports = { ...vault.ports, store };
    await expect(getSecret(ports)(context, someone(), request)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(context.journal.storeCalls).toEqual(['GetItem', 'GetItem', 'GetItem']);
  });

  it('let the probes of the status page find the table and the key', async () => {
    expect(await vault.ports.store.for(requestContext(), someone()).probe()).toEqual({
      replicated: false,
    });
    const { masterKeyId } = await vault.ports.dataKeys.for(requestContext()).probe();
    expect(vault.keyArn).toContain(masterKeyId);
  });
});

/**
 * The master key is disabled, pending deletion, replaced, has other material, or is denied; or KMS
 * throttles, fails, is slow or silent. Every operation that needs the key gets the documented
 * answer each time and writes nothing. Every other operation succeeds.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import type { Fate } from '../support/adversary/fates.ts';
import { pauseOn, portsOver, type Wired, wireUp } from '../support/adversary/ports.ts';
import { seeded } from '../support/adversary/random.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { toEndpoint } from '../support/adversary/wire.ts';
import { printFigure } from '../support/figure.ts';
import { type KmsServer, startKms } from '../support/kms-server.ts';
import { freshFolder } from '../support/local-process.ts';
import { perRun } from '../support/long.ts';
import { newValue, type Operation } from '../support/operations.ts';
import { refusalOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { readers, writers } from '../support/routes.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { virtualClock } from '../support/virtual-clock.ts';

/** How many times in a row each operation runs during a fault. */
const times = perRun(2, 5);
/** Whether the operation seals or opens a value. Every other one succeeds without the key. */
const needsKey = ({ cost }: Operation): boolean => cost.kms.some((call) => call !== 'DescribeKey');
const everything = [...writers, ...readers];
const opens = readers.filter(needsKey);
const submits = writers.filter(({ name }) => name === 'submit-env');

/** Each fault, with the code that envelope.md states and whether a retry may help. */
const faults: readonly (readonly [string, Fate, string, boolean])[] = [
  [
    'access is denied',
    { kind: 'key fault', type: 'AccessDeniedException' },
    'master_key_unavailable',
    false,
  ],
  [
    'the key is unknown',
    { kind: 'key fault', type: 'NotFoundException' },
    'master_key_unavailable',
    false,
  ],
  ['KMS throttles', { kind: 'throttled' }, 'throttled', true],
  ['KMS fails', { kind: 'server error', applied: false }, 'master_key_unavailable', true],
  ['KMS refuses connections', { kind: 'dropped', as: 'refused' }, 'master_key_unavailable', true],
  ['KMS is silent', { kind: 'dropped', as: 'silent' }, 'master_key_unavailable', true],
  [
    'every reply of KMS is lost',
    { kind: 'reply lost', as: 'reset' },
    'master_key_unavailable',
    true,
  ],
  ['KMS takes five seconds', { kind: 'slow', ms: 5_000 }, 'master_key_unavailable', true],
];

describe('a request that needs the master key, which is not usable', () => {
  const vault = useEmbedded('dynamodb');
  let wired: Wired;
  let other: KmsServer;
  let changed: KmsServer;
  let answered = 0;
  const kinds = new Set<string>();
  beforeAll(async () => {
    wired = await wireUp(vault);
    other = await startKms({ folder: freshFolder() });
    // A key with the same id but other material, as after key material was imported again.
    const folder = freshFolder();
    const own = await startKms({ folder });
    await own.close();
    const stored = JSON.parse(readFileSync(own.file, 'utf8'));
    const keyId = vault.keyArn.split('/').at(-1);
    const keyMaterial = randomBytes(32).toString('base64');
    writeFileSync(own.file, JSON.stringify({ ...stored, keyId, keyMaterial }));
    changed = await startKms({ folder });
  });
  afterAll(async () => {
    printFigure(
      'key faults',
      `${kinds.size} faults, ${answered} refusals each with its one documented answer, 0 writes left`,
    );
    await other.close();
    await changed.close();
  });

  /**
   * Returns the whole table as text. Attributes are sorted, because the store returns them in any
   * order.
   */
  const everyItem = async () => {
    const texts: string[] = [];
    for await (const page of vault.table.pages()) {
      texts.push(...page.map((item) => JSON.stringify(Object.entries(item).sort())));
    }
    return texts.sort().join('\n');
  };
  const prepared = async (operation: Operation): Promise<Principal> => {
    const principal = someone();
    await operation.prepare(vault.ports, principal);
    return principal;
  };

  /**
   * Runs the operation repeatedly with these ports. Each run must be refused with the same answer
   * and change nothing.
   */
  const refusedAlike = async (
    operation: Operation,
    principal: Principal,
    portsOf: (clock: ReturnType<typeof virtualClock>) => Ports,
    what: { readonly fault: string; readonly code: string; readonly retryable: boolean },
  ): Promise<void> => {
    const before = await everyItem();
    kinds.add(what.fault);
    for (let time = 0; time < times; time += 1) {
      const clock = virtualClock(seeded(time));
      const context = requestContext({ clock });
      const running = () => operation.run()(portsOf(clock), context, principal);
      const { code, retryable = code === 'throttled' } = await refusalOf(running);
      const told = [operation.name, code, retryable];
      expect(told).toEqual([operation.name, what.code, what.retryable]);
      expect(clock.elapsed()).toBeLessThan(10_000);
      answered += 1;
    }
    expect(await everyItem()).toBe(before);
  };

  describe.each(faults)('because %s', (fault, fate, code, retryable) => {
    const behind = (clock: ReturnType<typeof virtualClock>): Ports => {
      const adversary = startAdversary(wired.forward, {
        choose: ({ service }) => (service === 'kms' ? fate : { kind: 'passed' }),
        pause: pauseOn(clock, wired).pause,
        random: seeded(1),
        watch: watchCalls(canaryForms(newValue)),
      });
      return wired.portsBehind(adversary.exchange);
    };
    // Shows G9.
    it(`is answered with ${code}, retryable: ${retryable}, each time, and changes nothing`, async () => {
      for (const operation of everything.filter(needsKey)) {
        const principal = await prepared(operation);
        await refusedAlike(operation, principal, behind, { fault, code, retryable });
      }
    });
    it('is answered with not_found if its secret is missing, while a request that needs no key succeeds', async () => {
      const missing = someone();
      for (const operation of opens) {
        const running = () => operation.run()(behind(virtualClock()), requestContext(), missing);
        expect((await refusalOf(running)).code).toBe('not_found');
      }
      for (const operation of everything.filter((one) => !needsKey(one))) {
        const principal = await prepared(operation);
        const answer = await operation.run()(behind(virtualClock()), requestContext(), principal);
        expect([operation.name, answer.written]).toEqual([operation.name, operation.writes]);
      }
    });
  });

  const states = [
    ['it is disabled', 'Disabled'],
    ['it is pending deletion', 'PendingDeletion'],
  ] as const;
  it.each(states)(
    'is answered with master_key_unavailable because %s, and succeeds again afterwards',
    async (fault, state) => {
      const all = everything.filter(needsKey);
      const principals = new Map<Operation, Principal>();
      for (const operation of all) principals.set(operation, await prepared(operation));
      vault.setKeyState(state);
      try {
        for (const [operation, principal] of principals) {
          const what = { fault, code: 'master_key_unavailable', retryable: false };
          await refusedAlike(operation, principal, () => vault.ports, what);
        }
      } finally {
        vault.setKeyState('Enabled');
      }
      for (const [operation, principal] of principals) {
        const { written } = await operation.run()(vault.ports, requestContext(), principal);
        expect(written).toEqual(operation.writes);
      }
    },
  );

  it.each([
    ['another key', () => other],
    ['other material', () => changed],
  ])(
    'is answered with master_key_incorrect if it opens secrets that were sealed before KMS had %s',
    async (fault, kms) => {
      const { endpoint, keyArn, credentials } = kms();
      const toKms = toEndpoint(endpoint);
      const ports = portsOver(
        (call, signal) => (call.service === 'kms' ? toKms : wired.forward)(call, signal),
        keyArn,
        credentials,
      );
      for (const operation of [...opens, ...submits]) {
        const principal = await prepared(operation);
        const what = { fault, code: 'master_key_incorrect', retryable: false };
        await refusedAlike(operation, principal, () => ports, what);
      }
    },
  );

  it('gets the value or master_key_unavailable while only some nodes of KMS know that the key is disabled', async () => {
    const lagging = (clock: ReturnType<typeof virtualClock>, seed: number): Ports => {
      const random = seeded(seed);
      const adversary = startAdversary(wired.forward, {
        choose: ({ service }) =>
          service === 'kms' && random() < 0.5
            ? { kind: 'key fault', type: 'DisabledException' }
            : { kind: 'passed' },
        pause: pauseOn(clock, wired).pause,
        random,
        watch: watchCalls(canaryForms(newValue)),
      });
      return wired.portsBehind(adversary.exchange);
    };
    kinds.add('it is disabled with a lag');
    for (const operation of opens) {
      const principal = await prepared(operation);
      const told = await operation.run()(vault.ports, requestContext(), principal);
      for (let seed = 0; seed < perRun(8, 20); seed += 1) {
        const ports = lagging(virtualClock(), seed);
        const running = operation.run()(ports, requestContext(), principal);
        const answer = await running.catch((error) => error.code);
        expect([told, 'master_key_unavailable']).toContainEqual(answer);
      }
    }
  });
});

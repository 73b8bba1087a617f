/**
 * A vault dies before or after any of its calls to the store and KMS, a node dies before or after
 * any of its calls to etcd, or the reply to one of these calls is lost. The calls of an undisturbed
 * run are counted, so a new call is covered without any change here.
 */

import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import type { EtcdClient } from '../../host/etcd/etcd-client.ts';
import { createEtcdItems } from '../../host/etcd/etcd-items.ts';
import { createEtcd } from '../../host/etcd/group-commit.ts';
import {
  crashAt,
  loseReply,
  type Take,
  takeEtcd,
  takeExchange,
} from '../support/adversary/crash.ts';
import { wireUp } from '../support/adversary/ports.ts';
import { brokenConnection } from '../support/adversary/wire.ts';
import { effectsOf } from '../support/effects.ts';
import { startEmbedded, storeOver } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import type { Operation, Run } from '../support/operations.ts';
import { requestContext, someone } from '../support/requests.ts';
import { keyedWriters, readers, writers } from '../support/routes.ts';
import { historyOf } from '../support/secrets.ts';
import { startSingleEtcd } from '../support/single-etcd.ts';

type World = {
  /** The ports of a process that is not disturbed. */
  readonly ports: Ports;
  /** Returns the ports of another process, whose calls all go through `take`. */
  readonly taken: (take: Take) => Ports;
  readonly close: () => Promise<void>;
};

const startVault = async (): Promise<World> => {
  const vault = await startEmbedded('dynamodb');
  const { forward, portsBehind } = await wireUp(vault);
  const taken = (take: Take) => portsBehind(takeExchange(forward, take));
  return { ports: vault.ports, taken, close: vault.close };
};

const startNode = async (): Promise<World> => {
  const { client, close } = await startSingleEtcd();
  const { ports: embedded, close: closeEmbedded } = await startEmbedded();
  /** Returns the ports of a node that has just started. */
  const over = (etcd: EtcdClient): Ports => {
    const goneBack = (sentence: string): never => {
      throw new Error(sentence);
    };
    return {
      ...embedded,
      store: storeOver(createEtcdItems(createEtcd({ client: etcd, onGoneBack: goneBack }))),
    };
  };
  return {
    ports: over(client),
    taken: (take) => over(takeEtcd(client, take)),
    close: async () => {
      await close();
      await closeEmbedded();
    },
  };
};

const lostByEtcd = Object.assign(new Error('the connection broke'), {
  code: status.UNAVAILABLE,
  details: 'the connection broke',
});

const worlds: readonly (readonly [string, () => Promise<World>, Error])[] = [
  ['of a vault to the store and KMS', startVault, brokenConnection('ECONNRESET')],
  ['of a node to etcd', startNode, lostByEtcd],
];
describe.each(worlds)('an operation interrupted at a call %s', (what, start, lost) => {
  let world: World;
  const points = { crashes: 0, lost: 0 };
  beforeAll(async () => {
    world = await start();
  });
  afterAll(async () => {
    printFigure(
      `crash points ${what}`,
      `${points.crashes} crashes and ${points.lost} lost replies, every call of ${
        writers.length + keyedWriters.length + readers.length
      } operations: 0 half-visible files, 0 lost acknowledged writes, 0 second versions`,
    );
    await world.close();
  });

  const prepared = async ({ prepare }: Operation): Promise<Principal> => {
    const principal = someone();
    await prepare(world.ports, principal);
    return principal;
  };
  /** Counts the calls of an undisturbed run. */
  const callsOf = async (operation: Operation, run: Run): Promise<number> => {
    let calls = 0;
    const counted = world.taken((send) => {
      calls += 1;
      return send();
    });
    await run(counted, requestContext(), await prepared(operation));
    return calls;
  };
  /** Runs an operation until its process dies before or after this call. */
  const crash = async (run: Run, principal: Principal, at: number, when: 'before' | 'after') => {
    const { take, happened } = crashAt(at, when);
    await Promise.race([run(world.taken(take), requestContext(), principal), happened]);
    points.crashes += 1;
  };
  /**
   * Sends the same request again from another process. Returns the answer, or the code of the
   * refusal.
   */
  const repeated = (run: Run, principal: Principal) =>
    run(world.ports, requestContext(), principal).catch(({ code }): string => String(code));

  describe.each(writers)('$name', (operation) => {
    const effects = (principal: Principal) => effectsOf(world.ports, principal, operation);
    const keys = keyedWriters.includes(operation) ? [undefined, 'k'.repeat(20)] : [undefined];
    describe.each(keys)('with the key %s', (key) => {
      const run = operation.run(key);
      const repetition =
        key === undefined ? ['secret_exists', 'version_conflict', 'not_found'] : [];

      // Shows G11.
      it.each(['before', 'after'] as const)(
        'has one effect after a repeat, whichever call the process died %s',
        async (when) => {
          const calls = await callsOf(operation, run);
          for (let at = 0; at < calls; at += 1) {
            const principal = await prepared(operation);
            await crash(run, principal, at, when);
            const before = await effects(principal);
            expect([[0], [1]]).toContainEqual(before);
            const again = await repeated(run, principal);
            const point = `call ${at + 1} of ${calls}: ${before} effects, then ${JSON.stringify(again)}`;
            if (typeof again === 'string') {
              expect([point, repetition]).toEqual([point, expect.arrayContaining([again])]);
              expect([point, before]).toEqual([point, [1]]);
            } else {
              expect([point, again.written]).toEqual([point, operation.writes]);
              expect([point, again.replayed]).toEqual([point, before[0] === 1]);
            }
            expect(await effects(principal)).toEqual([1]);
          }
        },
      );

      // Shows G6.
      it('has one effect and reports it, whichever reply is lost', async () => {
        const calls = await callsOf(operation, run);
        for (let at = 0; at < calls; at += 1) {
          const principal = await prepared(operation);
          const losing = world.taken(loseReply(at, lost));
          const answer = await run(losing, requestContext(), principal);
          expect([answer.written, answer.replayed]).toEqual([operation.writes, false]);
          expect(await effects(principal)).toEqual([1]);
          points.lost += 1;
        }
      });
    });
  });

  describe.each(readers)('$name', (operation) => {
    // Shows G11.
    it('changes nothing, and gives its usual answer when repeated, wherever it was interrupted', async () => {
      const run = operation.run();
      const calls = await callsOf(operation, run);
      const principal = await prepared(operation);
      const history = await historyOf(world.ports, principal, 'OLD_P');
      const told = await run(world.ports, requestContext(), principal);
      for (const when of ['before', 'after'] as const) {
        for (let at = 0; at < calls; at += 1) {
          await crash(run, principal, at, when);
          expect(await repeated(run, principal)).toEqual(told);
        }
      }
      expect(await historyOf(world.ports, principal, 'OLD_P')).toEqual(history);
    });
  });
});

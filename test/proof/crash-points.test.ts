/**
 * A process dies before or after any call of an operation, or a connection loses any reply. The points are counted from
 * the calls of an undisturbed run, so a new call is covered without a change here.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import { crashAt } from '../support/adversary/crash.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { effectsOf } from '../support/effects.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { newValue, type Operation, type Run, readers, writers } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { historyOf } from '../support/secrets.ts';

const key = 'k'.repeat(20);
const keyed = [undefined, key];

describe('an interrupted operation', () => {
  let vault: Embedded;
  let wired: Wired;
  const points = { crashes: 0, lost: 0 };
  beforeAll(async () => {
    vault = await startEmbedded();
    wired = await wireUp(vault);
  });
  afterAll(async () => {
    printFigure(
      'crash points',
      `${points.crashes} crashes and ${points.lost} lost replies, every call of ${
        writers.length * 2 + readers.length
      } operations: 0 half-visible files, 0 lost acknowledged writes, 0 second versions`,
    );
    await vault.close();
  });

  const prepared = async ({ prepare }: Operation): Promise<Principal> => {
    const principal = someone();
    await prepare(vault.ports, principal);
    return principal;
  };
  /** The calls of an undisturbed run. */
  const callsOf = async (operation: Operation, run: Run): Promise<number> => {
    let calls = 0;
    const ports = wired.portsBehind((call, signal) => {
      calls += 1;
      return wired.forward(call, signal);
    });
    await run(ports, requestContext(), await prepared(operation));
    return calls;
  };
  /** Sends the same request again from another process. */
  const repeated = async (run: Run, principal: Principal) => {
    try {
      return await run(vault.ports, requestContext(), principal);
    } catch (error) {
      return await codeOf(() => Promise.reject(error));
    }
  };

  describe.each(writers)('$name', (operation) => {
    describe.each(keyed)('with the key %s', (withKey) => {
      const run = operation.run(withKey);
      const repetition = withKey === undefined ? ['secret_exists', 'version_conflict'] : [];

      // Shows G11.
      it.each(['before', 'after'] as const)(
        'has one effect after a repeat, whichever call the process died %s',
        async (when) => {
          const calls = await callsOf(operation, run);
          for (let index = 0; index < calls; index += 1) {
            const principal = await prepared(operation);
            const crash = crashAt(wired.forward, index, when);
            const running = run(wired.portsBehind(crash.exchange), requestContext(), principal);
            await Promise.race([running, crash.happened]);
            const before = await effectsOf(vault.ports, principal, operation);
            expect([[0], [1]]).toContainEqual(before);
            const again = await repeated(run, principal);
            const point = `call ${index + 1} of ${calls}: ${before} effects, then ${JSON.stringify(again)}`;
            if (typeof again === 'string') {
              expect([point, repetition]).toEqual([point, expect.arrayContaining([again])]);
              expect([point, before]).toEqual([point, [1]]);
            } else {
              expect([point, again.written]).toEqual([point, operation.writes]);
              expect([point, again.replayed]).toEqual([point, before[0] === 1]);
            }
            expect(await effectsOf(vault.ports, principal, operation)).toEqual([1]);
            points.crashes += 1;
          }
        },
      );

      it('has one effect and reports it, whichever reply is lost', async () => {
        const calls = await callsOf(operation, run);
        for (let index = 0; index < calls; index += 1) {
          const principal = await prepared(operation);
          const adversary = startAdversary(wired.forward, {
            choose: (_, at) =>
              at === index ? { kind: 'reply lost', as: 'reset' } : { kind: 'passed' },
            pause: async () => {},
            random: () => 0.5,
            watch: watchCalls(canaryForms(newValue)),
          });
          const answer = await run(
            wired.portsBehind(adversary.exchange),
            requestContext(),
            principal,
          );
          expect([answer.written, answer.replayed]).toEqual([operation.writes, false]);
          expect(await effectsOf(vault.ports, principal, operation)).toEqual([1]);
          expect(adversary.violations).toEqual([]);
          points.lost += 1;
        }
      });
    });
  });

  describe.each(readers)('$name', (operation) => {
    const run = operation.run();
    // Shows G11.
    it('changes nothing and answers a repeat, wherever it was interrupted', async () => {
      const calls = await callsOf(operation, run);
      const principal = await prepared(operation);
      const history = await historyOf(vault.ports, principal, 'OLD_P');
      const told = await run(vault.ports, requestContext(), principal);
      for (const when of ['before', 'after'] as const) {
        for (let index = 0; index < calls; index += 1) {
          const crash = crashAt(wired.forward, index, when);
          const running = run(wired.portsBehind(crash.exchange), requestContext(), principal);
          await Promise.race([running, crash.happened]);
          expect(await repeated(run, principal)).toEqual(told);
          points.crashes += 1;
        }
      }
      expect(await historyOf(vault.ports, principal, 'OLD_P')).toEqual(history);
    });
  });
});

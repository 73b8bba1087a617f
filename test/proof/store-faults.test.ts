/**
 * The store throttles, fails, reports conflicts, loses replies, and applies a request twice or
 * late. Still, every answer of the vault is true: what it says is stored is stored once, what it
 * says is not stored never appears, not even later, and after `outcome_unknown` a repetition with
 * the same key has one effect.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { type Choose, startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import type { Fate } from '../support/adversary/fates.ts';
import { atRate } from '../support/adversary/hostility.ts';
import { pauseOn, type Wired, wireUp } from '../support/adversary/ports.ts';
import { intBelow, oneOf, seeded } from '../support/adversary/random.ts';
import { promptFates, silentFates } from '../support/adversary/store-fates.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { effectsOf } from '../support/effects.ts';
import { printFigure } from '../support/figure.ts';
import { perRun } from '../support/long.ts';
import { newValue, type Operation } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { keyedWriters, readers, writers } from '../support/routes.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { startOfTime, virtualClock } from '../support/virtual-clock.ts';

const key = 'k'.repeat(20);
const seeds = perRun(200, 600);
/** The answers that promise that nothing was or will be written. */
const nothingWritten = ['throttled', 'store_unavailable'];
const passed: Fate = { kind: 'passed' };

const everyFate = [...promptFates, ...silentFates];

describe('a request to a hostile store', () => {
  const vault = useEmbedded('dynamodb');
  let wired: Wired;
  const answers = { all: 0, stored: 0, refused: 0, unknown: 0 };
  beforeAll(async () => {
    wired = await wireUp(vault);
  });
  afterAll(() => {
    const { all, stored, refused, unknown } = answers;
    const kinds = `${stored} stored or read, ${refused} refused, ${unknown} unknown`;
    printFigure('store faults', `0 wrong answers of ${all} (${kinds})`);
  });

  /**
   * Runs an operation while the store causes the chosen faults. Returns the answer and the number
   * of calls.
   */
  const runHostile = async (
    operation: Operation,
    principal: Principal,
    choose: Choose,
    random = seeded(1),
    withKey: string | undefined = undefined,
  ) => {
    const clock = virtualClock(random);
    const { pause, release } = pauseOn(clock, wired);
    const watch = watchCalls(canaryForms(newValue));
    const hostile: Choose = (call, index) =>
      call.service === 'kms' ? passed : choose(call, index);
    const parts = { choose: hostile, pause, random, watch };
    const adversary = startAdversary(wired.forward, parts);
    const running = operation.run(withKey)(
      wired.portsBehind(adversary.exchange),
      requestContext({ clock }),
      principal,
    );
    const answer = await running.catch((error) => codeOf(() => Promise.reject(error)));
    expect(adversary.violations).toEqual([]);
    // A request never lasts longer than this, so late effects may come after the answer.
    expect(clock.elapsed()).toBeLessThan(10_000);
    const applied = async () => {
      release();
      await adversary.settled();
    };
    const storeCalls = adversary.met.filter(({ service }) => service === 'store').length;
    return { answer, storeCalls, applied };
  };
  const prepared = async (operation: Operation): Promise<Principal> => {
    const principal = someone();
    await operation.prepare(vault.ports, principal);
    return principal;
  };

  /** Compares an answer with what is stored now, and after all late effects. */
  const requireTrue = async (
    operation: Operation,
    principal: Principal,
    { answer, applied }: Awaited<ReturnType<typeof runHostile>>,
    withKey: string | undefined,
    about: string,
  ): Promise<void> => {
    const effects = () => effectsOf(vault.ports, principal, operation);
    answers.all += 1;
    if (typeof answer === 'string') {
      if (nothingWritten.includes(answer)) {
        answers.refused += 1;
        await applied();
        const none = operation.writes.length > 0 ? [0] : [];
        expect([about, answer, await effects()]).toEqual([about, answer, none]);
        return;
      }
      answers.unknown += 1;
      expect([about, answer]).toEqual([about, 'outcome_unknown']);
      if (withKey !== undefined) {
        const context = requestContext({ now: startOfTime });
        const again = operation.run(withKey)(vault.ports, context, principal);
        expect((await again).written).toEqual(operation.writes);
      }
      await applied();
      expect([about, [[0], [1]]]).toEqual([about, expect.arrayContaining([await effects()])]);
      if (withKey !== undefined) expect([about, await effects()]).toEqual([about, [1]]);
      return;
    }
    answers.stored += 1;
    const written = operation.writes;
    expect([about, answer.written, answer.replayed]).toEqual([about, written, false]);
    await applied();
    if (written.length > 0) expect([about, await effects()]).toEqual([about, [1]]);
  };

  describe.each(writers)('$name', (operation) => {
    const keys = keyedWriters.includes(operation) ? [undefined, key] : [undefined];
    const titled = keys.map((withKey) => ({
      withKey,
      title: withKey ? 'with a key' : 'without a key',
    }));
    describe.each(titled)('$title', ({ withKey }) => {
      // Shows G13.
      it.each(everyFate)('succeeds once if one call is $title', async (fate) => {
        for (let call = 0; ; call += 1) {
          const principal = await prepared(operation);
          let stores = -1;
          const choose: Choose = () => {
            stores += 1;
            return stores === call ? fate : passed;
          };
          const result = await runHostile(operation, principal, choose, undefined, withKey);
          if (stores < call) return;
          const about = `${fate.title} at call ${call}`;
          expect([about, typeof result.answer]).toEqual([about, 'object']);
          await requireTrue(operation, principal, result, withKey, about);
        }
      });

      it.each(everyFate)('gives a true answer if every write is $title', async (fate) => {
        const principal = await prepared(operation);
        const choose: Choose = ({ operation: called }) =>
          called === 'PutItem' || called === 'TransactWriteItems' ? fate : passed;
        const result = await runHostile(operation, principal, choose, undefined, withKey);
        await requireTrue(operation, principal, result, withKey, fate.title);
      });
    });
  });

  // Shows G13.
  it('is answered truly at any rate of faults', async () => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const random = seeded(seed);
      const operation = writers[seed % writers.length];
      if (!operation) continue;
      const withKey = oneOf(random, [undefined, key]);
      const principal = await prepared(operation);
      const choose = atRate(random, random());
      const result = await runHostile(operation, principal, choose, random, withKey);
      await requireTrue(operation, principal, result, withKey, `seed ${seed}`);
    }
  });

  it('makes on average at most twice as many calls when a fifth of them fails', async () => {
    const failures = everyFate.filter(({ kind }) => kind !== 'duplicated');
    let [hostileCalls, calls] = [0, 0];
    for (const operation of [...writers, ...readers]) {
      const undisturbed = await runHostile(operation, await prepared(operation), () => passed);
      for (let seed = 1; seed <= perRun(15, 40); seed += 1) {
        const random = seeded(seed);
        const principal = await prepared(operation);
        const choose: Choose = () =>
          random() < 0.2 ? (failures[intBelow(random, failures.length)] ?? passed) : passed;
        const result = await runHostile(operation, principal, choose, random);
        await requireTrue(operation, principal, result, undefined, `seed ${seed}`);
        hostileCalls += result.storeCalls;
        calls += undisturbed.storeCalls;
      }
    }
    const amplification = hostileCalls / calls;
    printFigure('retry amplification at 20 % faults', amplification.toFixed(2));
    expect(amplification).toBeLessThanOrEqual(2);
  });
});

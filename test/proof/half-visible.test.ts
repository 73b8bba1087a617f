/**
 * A file is submitted. Before and after each call that the vault makes for it to the store and to
 * KMS, a reader asks for all names of that file. In some runs the reply to that call is lost; in
 * the others nothing goes wrong. crash-points.test.ts does the same for a death of the vault at
 * each call.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { type Wired, wireUp } from '../support/adversary/ports.ts';
import { brokenConnection, type Exchange } from '../support/adversary/wire.ts';
import { seenByFile } from '../support/effects.ts';
import { printFigure } from '../support/figure.ts';
import { largestFile, newValue, type Operation } from '../support/operations.ts';
import { requestContext, someone } from '../support/requests.ts';
import { writers } from '../support/routes.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

const key = 'k'.repeat(20);
const files = [...writers.filter(({ writes }) => writes.length > 1), largestFile];

/** Makes the context of a request whose clock stands still while the test reads. */
const standingStill = () => requestContext({ clock: virtualClock() });

describe('a .env file during its request', () => {
  const vault = useEmbedded('dynamodb');
  let wired: Wired;
  let looks = 0;
  beforeAll(async () => {
    wired = await wireUp(vault);
  });
  afterAll(() =>
    printFigure('half-visible files', `0 violations in ${looks} looks at ${files.length} files`),
  );

  /**
   * Reads all names that the operation writes with one file, and some of them with one request
   * each. Both must show the same: all of them or none.
   */
  const look = async (principal: Principal, { writes }: Operation): Promise<'all' | 'none'> => {
    const names = writes.map(({ name }) => name);
    const seen = await seenByFile(vault.ports, principal, names);
    const singly = new Set<string>();
    // The first name of the transaction, the last one, and one in between.
    for (const name of [names[0], names.at(-1), names[1]]) {
      const found = await vaultOver(vault.ports)
        .get(principal, name ?? '')
        .then(
          ({ text }) => (text === newValue ? 'all' : 'none'),
          ({ code }) => (code === 'not_found' ? 'none' : code),
        );
      singly.add(found);
    }
    looks += 1;
    const expected = seen === 'all' ? 'all' : 'none';
    expect([seen, ...singly]).toEqual([expected, expected]);
    return expected;
  };

  /** Sends a file and reads around each of its calls. Returns what was visible, in order. */
  const lookingAround = async (
    operation: Operation,
    withKey: string | undefined,
    lose?: number,
  ): Promise<readonly string[]> => {
    const principal = someone();
    await operation.prepare(vault.ports, principal);
    const seen: string[] = [];
    let calls = 0;
    const looking: Exchange = async (call, signal) => {
      const index = calls;
      calls += 1;
      seen.push(await look(principal, operation));
      const reply = await wired.forward(call, signal);
      seen.push(await look(principal, operation));
      if (index === lose) throw brokenConnection('ECONNRESET');
      return reply;
    };
    const ports = wired.portsBehind(looking);
    await operation.run(withKey)(ports, standingStill(), principal);
    seen.push(await look(principal, operation));
    return seen;
  };
  const inOneStep = /^(none ){2,}(all ?)+$/;

  describe.each(files)('$name', (operation) => {
    describe.each([undefined, key])('with the key %s', (withKey) => {
      /**
       * Which calls of an undisturbed run are tested: all, or the first and the last if there are
       * many.
       */
      let points: readonly number[];

      // Shows G8.
      it('becomes visible completely in one step, and never disappears', async () => {
        const seen = await lookingAround(operation, withKey);
        expect(seen.join(' ')).toMatch(inOneStep);
        const calls = (seen.length - 1) / 2;
        const all = Array.from({ length: calls }, (_, index) => index);
        points = all.filter((index) => calls < 16 || index < 1 || index > calls - 2);
      });

      it('becomes visible in one step, and never disappears, whichever reply is lost', async () => {
        for (const lose of points) {
          const seen = await lookingAround(operation, withKey, lose);
          expect(seen.join(' ')).toMatch(inOneStep);
        }
      });
    });
  });
});

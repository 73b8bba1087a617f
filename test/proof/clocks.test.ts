/**
 * Clocks jump back and forward, stand still, and differ by five minutes between two nodes. Still,
 * no update, deletion or creation over a deletion is refused, intervals have no gap or overlap, and
 * each node finds at once what the other has just written.
 */
import { afterAll, describe, expect, it } from '@jest/globals';
import { instantOf } from '../../functions/http/requests.ts';
import { formatInstant, type Principal } from '../../functions/model/types.ts';
import { intBelow, oneOf, seeded } from '../support/adversary/random.ts';
import { printFigure } from '../support/figure.ts';
import { perRun } from '../support/long.ts';
import { someone } from '../support/requests.ts';
import { historyOf } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';
import { startOfTime } from '../support/virtual-clock.ts';

const minute = 60_000;
const name = 'DB';
/**
 * Whether this version is a deletion. Every seventh one is, and the version after it is a new
 * creation.
 */
const isDeletion = (version: number): boolean => version % 7 === 0;
/**
 * Returns what a get as of the first instant of this version must give: its value, or the code of
 * the refusal.
 */
const told = (version: number): string => (isDeletion(version) ? 'not_found' : `value ${version}`);

describe('the versions of a secret', () => {
  const vault = useEmbedded();
  let [versions, lookedUp] = [0, 0];
  afterAll(() => {
    const figures = `${versions} versions tile, 0 refusals, ${lookedUp} found at their first instant`;
    printFigure('clocks', figures);
  });

  /** Writes the next version of the secret at `now`, and returns its validFrom. */
  const put = async (alice: Principal, version: number, now: number): Promise<number> => {
    const ask = vaultOver(vault.ports);
    const value = told(version);
    const isNew = version === 1 || isDeletion(version - 1);
    const written = isDeletion(version)
      ? await ask.delete(alice, name, { now })
      : await ask[isNew ? 'create' : 'update'](alice, name, value, { now });
    expect(written.version.version).toBe(version);
    versions += 1;
    return written.version.validFrom;
  };
  /**
   * Asks for the version at an instant, on a node whose clock shows `now`. Returns its value, or
   * the code of the refusal.
   */
  const valueAt = async (alice: Principal, instant: number, now: number): Promise<string> => {
    const which = { at: instantOf(formatInstant(instant), now) };
    lookedUp += 1;
    const found = vaultOver(vault.ports).get(alice, name, which, { now });
    return await found.then(
      ({ text }) => text,
      ({ code }) => String(code),
    );
  };
  const requireTiling = async (alice: Principal, count: number): Promise<void> => {
    const history = await historyOf(vault.ports, alice, name);
    expect(history.map(({ version }) => version)).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
    for (const [index, { validFrom, validTo }] of history.entries()) {
      expect(validTo).toBe(history[index + 1]?.validFrom);
      if (validTo !== undefined) expect(validTo).toBeGreaterThan(validFrom);
    }
  };

  it('begin at distinct instants while the clock stands still', async () => {
    const alice = someone();
    for (let version = 1; version <= 50; version += 1) await put(alice, version, startOfTime);
    await requireTiling(alice, 50);
  });

  // Shows G4.
  it.each(Array.from({ length: perRun(8, 20) }, (_, index) => index + 1))(
    'keep their order, without gaps or overlaps, while the clock jumps back and forward: seed %s',
    async (seed) => {
      const random = seeded(seed);
      const alice = someone();
      const found: number[] = [];
      let now = startOfTime;
      for (let version = 1; version <= 40; version += 1) {
        const jump = oneOf(random, [0, 0, 1, 1_000, minute, 86_400_000]);
        now += oneOf(random, [1, -1]) * jump + intBelow(random, 3);
        found.push(await put(alice, version, now));
      }
      await requireTiling(alice, 40);
      const last = found.at(-1) ?? 0;
      for (const [index, instant] of found.entries()) {
        expect(await valueAt(alice, instant, last)).toBe(told(index + 1));
      }
    },
  );

  it("become visible at once on a node whose clock differs by five minutes from the writing node's", async () => {
    for (let seed = 1; seed <= perRun(8, 20); seed += 1) {
      const random = seeded(seed);
      const alice = someone();
      let now = startOfTime;
      for (let version = 1; version <= 30; version += 1) {
        now += intBelow(random, 200);
        const [mine, other] = oneOf(random, [
          [now, now + 5 * minute],
          [now + 5 * minute, now],
        ]);
        const validFrom = await put(alice, version, mine);
        expect(await valueAt(alice, validFrom, other)).toBe(told(version));
        expect(await valueAt(alice, validFrom, mine)).toBe(told(version));
      }
      await requireTiling(alice, 30);
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../../functions/model/types.ts';
import { changedPorts } from '../support/changed-ports.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/item-faults.ts';
import { someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

describe('a .env file as of an instant', () => {
  const vault = useEmbedded();
  const began = 1_700_000_000_000;

  const expand = (principal: Principal, content: string, at: number, ports = vault.ports) =>
    vaultOver(ports).expand(principal, content, { at });

  it('uses for each secret the version valid at the instant: from validFrom until before validTo', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3', 'a4', 'a5'], began);
    await makeSecret(vault.ports, alice, 'B', ['b1', 'b2'], began + 1_500);
    for (const [at, a, b] of [
      [1_500, 2, 1],
      [1_999, 2, 1],
      [2_000, 3, 1],
      [2_499, 3, 1],
      [2_500, 3, 2],
      [3_000, 4, 2],
      [3_999, 4, 2],
      [4_000, 5, 2],
      [1_000_000, 5, 2],
    ] as const) {
      const answer = await expand(alice, 'X=secret(A)\nY=secret(B)\n', began + at);
      expect([at, answer.content]).toEqual([at, `X=a${a}\nY=b${b}\n`]);
      expect(answer.resolved).toMatchObject([
        { name: 'A', version: a },
        { name: 'B', version: b },
      ]);
    }
  });

  it('reports every secret that did not exist at the instant as not found', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'OLD', ['o1', 'o2'], began);
    await makeSecret(vault.ports, alice, 'LATER', ['l1', 'l2', 'l3'], began + 5_000);
    const content = 'A=secret(OLD)\nB=secret(LATER)\nC=secret(NOWHERE)secret(LATER)\n';
    await expect(expand(alice, content, began + 4_999)).rejects.toMatchObject({
      code: 'not_found',
      properties: {
        errors: [
          { line: 2, column: 3, code: 'not_found', name: 'LATER' },
          { line: 3, column: 3, code: 'not_found', name: 'NOWHERE' },
        ],
        errorsTotal: 2,
      },
    });
    const found = await expand(alice, 'A=secret(OLD)\nB=secret(LATER)\n', began + 5_000);
    expect(found.content).toBe('A=o2\nB=l1\n');
  });

  it('reports a pinned version that began after the instant as not found', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3', 'a4'], began);
    const content = 'X=secret(A)\nY=secret(A@1)\nZ=secret(A@3)\n';
    expect((await expand(alice, content, began + 2_000)).content).toBe('X=a3\nY=a1\nZ=a3\n');
    expect((await expand(alice, content, began + 3_000)).content).toBe('X=a4\nY=a1\nZ=a3\n');
    for (const [pin, at] of [
      ['A@3', 1_999],
      ['A@4', 2_999],
      ['A@5', 9_999],
    ] as const) {
      await expect(
        expand(alice, `X=secret(A)\nY=secret(${pin})\n`, began + at),
      ).rejects.toMatchObject({
        code: 'not_found',
        properties: { errors: [{ line: 2, name: 'A' }], errorsTotal: 1 },
      });
    }
  });

  it('reads all secrets from one snapshot and ignores later updates', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3'], began);
    await makeSecret(vault.ports, alice, 'B', ['b1', 'b2', 'b3'], began);
    const ports = changedPorts(vault.ports, {
      store: ({ findHeads }) => ({
        findHeads: async (names) => {
          const heads = await findHeads(names);
          await addVersion(vault.ports, alice, 'A', 'a4', began + 3_000);
          await addVersion(vault.ports, alice, 'B', 'b4', began + 3_000);
          return heads;
        },
      }),
    });
    const content = 'X=secret(A)\nY=secret(B)\n';
    expect((await expand(alice, content, began + 3_000, ports)).content).toBe('X=a3\nY=b3\n');
    expect((await expand(alice, content, began + 1_000, ports)).content).toBe('X=a2\nY=b2\n');
    expect((await expand(alice, content, began + 3_000)).content).toBe('X=a4\nY=b4\n');
  });

  // Shows G8.
  it('shows two secrets as they were at the instant, even while both are updated', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1'], began);
    await makeSecret(vault.ports, alice, 'B', ['b1'], began + 1);
    let done = 1;
    let isOver = false;
    const update = async () => {
      for (let version = 2; version <= 20; version += 1) {
        await addVersion(vault.ports, alice, 'A', `a${version}`, began + version * 10);
        await addVersion(vault.ports, alice, 'B', `b${version}`, began + version * 10 + 5);
        done = version;
      }
    };
    let reads = 0;
    const read = async () => {
      for (; !isOver; reads += 1) {
        // Ask only for instants up to the last write that was done when the request began.
        const known = done;
        const at = 1 + ((reads * 37) % (known * 10 + 5));
        const a = at < 20 ? 1 : Math.min(Math.floor(at / 10), known);
        const b = at < 25 ? 1 : Math.min(Math.floor((at - 5) / 10), known);
        const answer = await expand(alice, 'X=secret(A)\nY=secret(B)\n', began + at);
        expect([at, answer.content]).toEqual([at, `X=a${a}\nY=b${b}\n`]);
      }
    };
    const updating = update().finally(() => {
      isOver = true;
    });
    await Promise.all([updating, read()]);
    expect(reads).toBeGreaterThan(5);
  });

  it('is answered alike in a dry run and in a real one, and is expanded even if it reads nothing', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2'], began);
    const content = 'X=secret(A)\n';
    const real = await expand(alice, content, began);
    const options = { at: began, dryRun: true };
    expect(await vaultOver(vault.ports).expand(alice, content, options)).toEqual(real);
    const late = { at: began - 1, dryRun: true };
    await expect(vaultOver(vault.ports).expand(alice, content, late)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await expand(alice, 'X=1\n', began)).content).toBe('X=1\n');
  });

  it('answers store_unavailable rather than not_found while the store cannot be read', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2'], began);
    const script = fault.inTurn('get', Array(9).fill({ before: fault.unavailable }));
    const ports = { ...vault.ports, store: storeOver(fault.hostile(vault.itemsOf, script)) };
    // NOWHERE is certainly missing, but a not_found report must list every missing name, and A is
    // unknown.
    const content = 'X=secret(A)\nY=secret(NOWHERE)\n';
    await expect(expand(alice, content, began, ports)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
  });
});

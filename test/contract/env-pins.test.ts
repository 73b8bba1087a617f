/** References pinned to versions. The pinned form of a file reproduces a deployment exactly. */
import { describe, expect, it } from '@jest/globals';
import { beforeWrites, changedPorts } from '../support/changed-ports.ts';
import { requestContext, someone } from '../support/requests.ts';
import { addVersion, makeSecret } from '../support/secrets.ts';
import { openTable } from '../support/stored-items.ts';
import { askOf, useEmbedded } from '../support/use-embedded.ts';
import { vaultOver } from '../support/vault.ts';

const key = 'k'.repeat(20);

describe('a .env file with pinned references', () => {
  const vault = useEmbedded();
  const ask = askOf(vault);

  it('gets the pinned version where one is named, and the current version where none is', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3']);
    await makeSecret(vault.ports, alice, 'B', ['b1', 'b2']);
    const content = 'X=secret(A@2)-secret(A)\nY=secret(B@1)-secret(A@3)-secret(A@2)\n';
    for (const send of [ask.expand, ask.submit]) {
      expect(await send(alice, content)).toMatchObject({
        content: 'X=a2-a3\nY=b1-a3-a2\n',
        resolved: [
          { name: 'A', version: 2 },
          { name: 'A', version: 3 },
          { name: 'B', version: 1 },
          { name: 'A', version: 3 },
        ],
      });
    }
  });

  it('reports each reference to a version above the current one as not found', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
    const content =
      'W=secret(A@1)\nX=secret(A@3)\nY=secret(A@999999999)secret(A@3)\nZ=secret(N@1)\n';
    for (const send of [ask.expand, ask.submit]) {
      for (const dryRun of [false, true]) {
        await expect(send(alice, content, { dryRun })).rejects.toMatchObject({
          code: 'not_found',
          properties: {
            errors: [
              { line: 2, column: 3, code: 'not_found', name: 'A' },
              { line: 3, column: 3, code: 'not_found', name: 'A' },
              { line: 4, column: 3, code: 'not_found', name: 'N' },
            ],
            errorsTotal: 3,
          },
        });
      }
    }
  });

  // Shows G10.
  it('gives the same values and the same pinned form again after later updates', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1']);
    await makeSecret(vault.ports, alice, 'B', ['b1', 'b2']);
    const content = '# app\nX="secret(A) \\\\secret(A)"\nY=secret(B)@secret(A)\nZ=secret(B@1)\n';
    const deployments = [];
    for (let round = 2; round <= 5; round += 1) {
      deployments.push(await ask.expand(alice, content, { pin: true }));
      await addVersion(vault.ports, alice, 'A', `a'${round}`);
      if (round % 2 === 0) await addVersion(vault.ports, alice, 'B', `b"${round}`);
    }
    expect(new Set(deployments.map((deployment) => deployment.content)).size).toBe(4);
    for (const { pinned = '', content: deployed } of deployments) {
      const again = await ask.expand(alice, pinned, { pin: true });
      expect([again.content, again.pinned]).toEqual([deployed, pinned]);
    }
    expect(deployments[0]?.pinned).toBe(
      '# app\nX="secret(A@1) \\\\secret(A)"\nY=secret(B@2)@secret(A@1)\nZ=secret(B@1)\n',
    );
  });

  it('is pinned to the versions valid at the requested instant', async () => {
    const alice = someone();
    const began = 1_700_000_000_000;
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3'], began);
    const then = await ask.expand(alice, 'X=secret(A)\n', { at: began + 1_000, pin: true });
    expect(then.pinned).toBe('X=secret(A@2)\n');
    expect((await ask.expand(alice, then.pinned ?? '')).content).toBe(then.content);
    const same = await ask.expand(alice, then.pinned ?? '', { at: began + 1_000 });
    expect(same.content).toBe('X=a2\n');
  });

  it('writes without a retry when the secret of a pinned version is updated meanwhile', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
    await makeSecret(vault.ports, alice, 'B', ['b1']);
    let version = 2;
    const { writes, ports } = beforeWrites(vault.ports, async () => {
      version += 1;
      await addVersion(vault.ports, alice, 'A', `a${version}`);
    });
    const content = 'N=1\nX=enc(N)\nY=secret(A@1)secret(A@2)secret(B)\n';
    const answer = await vaultOver(ports).submit(alice, content);
    expect(answer.content).toBe('N=secret(N)\nX=secret(N)\nY=a1a2b1\n');
    expect(writes).toHaveLength(1);
    expect(writes[0]?.unchanged.map(({ name }) => name)).toEqual(['B']);
  });

  it('reads again if a secret that it also names unpinned is updated before the write', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
    let isFirst = true;
    const { writes, ports } = beforeWrites(vault.ports, async () => {
      if (isFirst) await addVersion(vault.ports, alice, 'A', 'a3');
      isFirst = false;
    });
    const answer = await vaultOver(ports).submit(alice, 'N=1\nX=enc(N)\nY=secret(A@2)secret(A)\n');
    expect(answer.content).toBe('N=secret(N)\nX=secret(N)\nY=a2a3\n');
    expect(writes).toHaveLength(2);
  });

  describe('with an idempotency key', () => {
    const content = 'N=1\nX=enc(N)\nY="secret(A) secret(A@1) secret(A@2)"\n';

    it('repeats the versions of the first answer', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
      const first = await ask.submit(alice, content, { key });
      expect(first.content).toBe(`N=secret(N)\nX=secret(N)\nY='a2 a1 a2'\n`);
      await addVersion(vault.ports, alice, 'A', 'a3');
      const again = await ask.submit(alice, content, { key });
      expect(again).toEqual({ ...first, replayed: true });
    });

    it('is refused when repeated if one of its secrets is now hidden from the caller', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
      await ask.submit(alice, content, { key });
      const blind = { ...alice, names: ['N'] };
      await expect(ask.submit(blind, content, { key })).rejects.toMatchObject({
        code: 'not_found',
        properties: { errors: [{ name: 'A' }, { name: 'A' }, { name: 'A' }] },
      });
    });

    it.each([
      ['one version fewer', 'A@2 A@1'],
      ['one version more', 'A@2 A@1 A@2 A@2'],
      ['another name', 'B@2 A@1 A@2'],
      ['a version other than the pinned one', 'A@2 A@2 A@2'],
      ['a version that the secret does not have', 'A@3 A@1 A@2'],
    ])('answers integrity_failure when repeated if its stored record has %s', async (_, told) => {
      const alice = someone();
      vault.tampered.add(alice.tenant);
      await makeSecret(vault.ports, alice, 'A', ['a1', 'a2']);
      await makeSecret(vault.ports, alice, 'B', ['b1', 'b2']);
      await ask.submit(alice, content, { key });
      const table = openTable(vault);
      const items = await table.itemsOf(alice.tenant);
      const record = items.find(({ sk }) => sk?.S === 'RECORD');
      const L = told.split(' ').map((ref) => {
        const [name = '', version = ''] = ref.split('@');
        return { M: { name: { S: name }, version: { N: version } } };
      });
      await table.put({ ...record, resolved: { L } });
      await expect(ask.submit(alice, content, { key })).rejects.toMatchObject({
        code: 'integrity_failure',
      });
    });
  });

  it('reads at most sixteen versions concurrently', async () => {
    const alice = someone();
    const values = Array.from({ length: 40 }, (_, index) => `v${index + 1}`);
    await makeSecret(vault.ports, alice, 'A', values);
    let [now, most] = [0, 0];
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        findVersion: async (...asked) => {
          now += 1;
          most = Math.max(most, now);
          const found = await store.findVersion(...asked);
          now -= 1;
          return found;
        },
      }),
    });
    const content = values.map((_, index) => `K${index}=secret(A@${index + 1})\n`).join('');
    const answer = await vaultOver(ports).expand(alice, content);
    expect(answer.content).toBe(values.map((value, index) => `K${index}=${value}\n`).join(''));
    expect(most).toBe(16);
  });

  it('counts every version that it reads of a secret toward the limit of 1 MiB of values', async () => {
    const alice = someone();
    const values = Array.from({ length: 17 }, () => 'x'.repeat(65_536));
    await makeSecret(vault.ports, alice, 'BIG', values);
    const fileOf = (count: number) =>
      values.slice(0, count).map((_, index) => `K${index}=secret(BIG@${index + 1})\n`);
    expect((await ask.expand(alice, fileOf(16).join(''))).resolved).toHaveLength(16);
    const context = requestContext();
    await expect(ask.expand(alice, fileOf(17).join(''), { context })).rejects.toMatchObject({
      code: 'too_large',
      properties: { limit: 1_048_576 },
    });
    expect(context.journal.kmsCalls).toEqual([]);
  });

  it('reports a version that was removed from the table only after missing and existing names', async () => {
    const alice = someone();
    vault.tampered.add(alice.tenant);
    await makeSecret(vault.ports, alice, 'A', ['a1', 'a2', 'a3', 'a4']);
    const table = openTable(vault);
    const items = await table.itemsOf(alice.tenant);
    await table.remove(items.find(({ version }) => version?.N === '2') ?? {});
    const gone = 'X=secret(A@2)\n';
    await expect(ask.expand(alice, gone)).rejects.toMatchObject({ code: 'integrity_failure' });
    await expect(ask.expand(alice, `${gone}Y=secret(A@5)\n`)).rejects.toMatchObject({
      code: 'not_found',
      properties: { errors: [{ line: 2, name: 'A' }], errorsTotal: 1 },
    });
    await makeSecret(vault.ports, alice, 'TAKEN', ['t1']);
    await expect(ask.submit(alice, `${gone}TAKEN=1\nY=enc(TAKEN)\n`)).rejects.toMatchObject({
      code: 'secret_exists',
    });
    await expect(ask.submit(alice, `${gone}NEW=1\nY=enc(NEW)\n`)).rejects.toMatchObject({
      code: 'integrity_failure',
    });
    expect((await ask.expand(alice, 'X=secret(A@1)secret(A@3)secret(A)\n')).content).toBe(
      'X=a1a3a4\n',
    );
  });
});

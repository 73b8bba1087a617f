import { describe, expect, it } from '@jest/globals';
import { ApiError } from '../../functions/model/errors.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { DataKey } from '../../functions/vault/ports.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { beforeWrites, changedPorts } from '../support/changed-ports.ts';
import { storeOver } from '../support/embedded.ts';
import * as fault from '../support/item-faults.ts';
import { requestContext, someone, vaultId } from '../support/requests.ts';
import { addVersion, makeSecret, versionsOf } from '../support/secrets.ts';
import { useEmbedded } from '../support/use-embedded.ts';
import { vaultOver, whileDisabled } from '../support/vault.ts';
import { virtualClock } from '../support/virtual-clock.ts';

describe('a .env file', () => {
  const vault = useEmbedded();

  type Options = NonNullable<Parameters<ReturnType<typeof vaultOver>['submit']>[2]>;
  const send =
    (route: 'submit' | 'encrypt' | 'expand') =>
    (
      principal: Principal,
      content: string,
      { ports, ...asked }: Options & { ports?: Ports } = {},
    ) =>
      vaultOver(ports ?? vault.ports)[route](principal, content, asked);
  const [submit, encrypt, expand] = [send('submit'), send('encrypt'), send('expand')];
  const storedValue = async (principal: Principal, name: string): Promise<string | undefined> => {
    if ((await versionsOf(vault.ports, principal, name)).length === 0) return undefined;
    return (await vaultOver(vault.ports).get(principal, name)).text;
  };

  it('stores the values named by enc(), replaces them by secret() references, and expands them again', async () => {
    const alice = someone();
    const file = 'DB_PASSWORD=hunter2\nAPP_DB="enc(DB_PASSWORD)" # app\n';
    const encrypted = await encrypt(alice, file);
    expect(encrypted).toMatchObject({
      content: 'DB_PASSWORD=secret(DB_PASSWORD)\nAPP_DB="secret(DB_PASSWORD)" # app\n',
      created: [{ name: 'DB_PASSWORD', version: 1 }],
      resolved: [],
    });
    const expanded = await expand(alice, encrypted.content);
    expect(expanded.content).toBe('DB_PASSWORD=hunter2\nAPP_DB=hunter2 # app\n');
    expect(expanded.resolved).toMatchObject([{ name: 'DB_PASSWORD', version: 1 }]);
  });

  it('creates and reads secrets in one request', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'TOKEN', ['old', 's3cr3t']);
    const answer = await submit(alice, 'A=1\nX=enc(A)\nT=secret(TOKEN)\n');
    expect(answer).toMatchObject({
      content: 'A=secret(A)\nX=secret(A)\nT=s3cr3t\n',
      created: [{ name: 'A', version: 1 }],
      resolved: [{ name: 'TOKEN', version: 2 }],
    });
  });

  it('stores nothing if a name that it creates exists already, and lists every such name', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'B', ['old']);
    await makeSecret(vault.ports, alice, 'D', ['old']);
    const file = 'A=1\nB=2\nC=3\nD=4\nW=enc(A)\nX=enc(B)\nY=enc(C)\nZ=enc(D)\n';
    for (const dryRun of [false, true]) {
      for (const send of [encrypt, submit]) {
        await expect(send(alice, file, { dryRun })).rejects.toMatchObject({
          code: 'secret_exists',
          properties: {
            errors: [
              { name: 'B', line: 6, code: 'secret_exists' },
              { name: 'D', line: 8, code: 'secret_exists' },
            ],
            errorsTotal: 2,
          },
        });
      }
    }
    expect([await storedValue(alice, 'A'), await storedValue(alice, 'C')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(await storedValue(alice, 'B')).toBe('old');
  });

  it('stores nothing if a secret that it reads is missing, and lists every such name', async () => {
    const alice = someone();
    await makeSecret(vault.ports, someone(), 'FOREIGN', ['x']);
    await makeSecret(vault.ports, alice, 'HIDDEN', ['x']);
    const blind = { ...alice, names: ['A', 'FOREIGN', 'NOWHERE'] };
    const file = 'A=1\nX=enc(A)\nF=secret(FOREIGN)\nH=secret(HIDDEN)\nN=secret(NOWHERE)\n';
    await expect(submit(blind, file)).rejects.toMatchObject({
      code: 'not_found',
      properties: {
        errors: [{ name: 'FOREIGN' }, { name: 'HIDDEN' }, { name: 'NOWHERE' }],
        errorsTotal: 3,
      },
    });
    expect(await storedValue(alice, 'A')).toBeUndefined();
  });

  it('reports existing names before missing ones', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'A', ['old']);
    const file = 'A=1\nX=enc(A)\nN=secret(NOWHERE)\n';
    await expect(submit(alice, file)).rejects.toMatchObject({ code: 'secret_exists' });
    await expect(submit(alice, file, { dryRun: true })).rejects.toMatchObject({
      code: 'secret_exists',
    });
  });

  it('refuses a new name hidden from the caller before anything is looked up', async () => {
    const alice = someone({ names: ['A'] });
    const context = requestContext();
    const content = 'A=1\nB=2\nX=enc(A)\nY=enc(B)\n';
    await expect(submit(alice, content, { context })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(context.journal.storeCalls).toEqual([]);
  });

  // Shows G8.
  it('is the only one stored of eight concurrent files that create the same name', async () => {
    const alice = someone();
    const fileOf = (index: number) =>
      `S=of ${index}\nOWN${index}=x\nA=enc(S)\nB=enc(OWN${index})\n`;
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => encrypt(alice, fileOf(index))),
    );
    const won = results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
    expect(won).toHaveLength(1);
    expect(await storedValue(alice, 'S')).toBe(`of ${won[0]}`);
    for (let index = 0; index < 8; index += 1) {
      const expected = won.includes(index) ? 'x' : undefined;
      expect(await storedValue(alice, `OWN${index}`)).toBe(expected);
    }
  });

  // Shows G8.
  it('reads a secret again if it was updated before the write', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'TOKEN', ['old']);
    const generated: Uint8Array[] = [];
    const watched = changedPorts(vault.ports, {
      dataKeys: ({ generate }) => ({
        generate: async (bound) => {
          const key = await generate(bound);
          generated.push(key.plaintext);
          return key;
        },
      }),
    });
    const { ports } = beforeWrites(watched, async (turn) => {
      if (turn < 3) await addVersion(vault.ports, alice, 'TOKEN', `new ${turn}`);
    });
    const context = requestContext();
    const content = 'A=1\nX=enc(A)\nT=secret(TOKEN)\n';
    const answer = await submit(alice, content, { ports, context });
    expect(answer.content).toBe("A=secret(A)\nX=secret(A)\nT='new 2'\n");
    expect(context.journal.decisions.map(({ decision }) => decision)).toEqual([
      'lost_race',
      'lost_race',
      'created',
    ]);
    // Later attempts reuse the first data key. It is erased at the end of the request.
    expect(generated).toEqual([new Uint8Array(32)]);
  });

  it('stores 96 new names in time even if each KMS call takes a second', async () => {
    const alice = someone();
    const clock = virtualClock();
    const names = Array.from({ length: 96 }, (_, index) => `N${index}`);
    const keys = new Map<string, DataKey>();
    for (const name of names) {
      const bound = { vault: vaultId, tenant: alice.tenant, name };
      keys.set(name, await vault.ports.dataKeys.for(requestContext()).generate(bound));
    }
    let second: Promise<void> | undefined;
    // Moves the clock on by one second. Concurrent calls share that second.
    const takeSecond = () => {
      second ??= new Promise((end) => {
        setImmediate(() => {
          clock.advance(1_000);
          second = undefined;
          end();
        });
      });
      return second;
    };
    const generate = async ({ name }: { readonly name: string }) => {
      await takeSecond();
      return keys.get(name) ?? Promise.reject(new Error(`no key for ${name}`));
    };
    const content = names.map((name) => `${name}=v\nX_${name}=enc(${name})\n`).join('');
    const ports = changedPorts(vault.ports, { dataKeys: () => ({ generate }) });
    const { created } = await encrypt(alice, content, { clock, ports });
    expect(created).toHaveLength(96);
  });

  it('answers throttled when its time ends while a name that it reads keeps appearing and disappearing', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'TOKEN', ['s3cr3t']);
    let reads = 0;
    const ports = changedPorts(vault.ports, {
      store: (store) => ({
        findHeads: async (names) => {
          const heads = await store.findHeads(names);
          reads += 1;
          return reads % 2 === 1 ? new Map() : heads;
        },
      }),
    });
    const context = requestContext({ clock: virtualClock() });
    await expect(submit(alice, 'T=secret(TOKEN)\n', { context, ports })).rejects.toMatchObject({
      code: 'throttled',
    });
    expect(context.elapsed()).toBeLessThan(8_000);
  });

  describe('as a dry run', () => {
    it('is answered like the real run, and stores nothing', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'TOKEN', ['s3cr3t']);
      const file = 'A=1\nX=enc(A)\nT=secret(TOKEN)\n';
      const dry = await submit(alice, file, { dryRun: true });
      expect(await storedValue(alice, 'A')).toBeUndefined();
      // An anchor belongs to a version that was written, so a dry run returns none.
      expect(dry.created).toEqual([{ name: 'A', version: 1 }]);
      expect(await submit(alice, file)).toMatchObject(dry);
    });
  });

  describe('with an idempotency key', () => {
    const key = 'k'.repeat(20);

    it('returns its first answer when repeated, even if it creates nothing', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'TOKEN', ['s3cr3t']);
      for (const [subject, send, content] of [
        ['one', submit, 'T=secret(TOKEN)\n'],
        ['two', submit, 'P=plain\n'],
        ['three', encrypt, 'T=secret(TOKEN)\n'],
      ] as const) {
        const own = { ...alice, subject };
        const first = await send(own, content, { key });
        await addVersion(vault.ports, alice, 'TOKEN', 'newer');
        expect(await send(own, content, { key })).toEqual({ ...first, replayed: true });
        await expect(send(own, `${content}# other\n`, { key })).rejects.toMatchObject({
          code: 'idempotency_key_reused',
        });
      }
    });

    it('gives eight concurrent duplicates that create nothing one answer', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'TOKEN', ['0']);
      const duplicates = Array.from({ length: 8 }, async (_, index) => {
        await addVersion(vault.ports, alice, 'TOKEN', String(index));
        return await submit(alice, 'T=secret(TOKEN)\n', { key });
      });
      const answers = await Promise.all(duplicates);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
    });

    it('can be repeated with the largest number of names that a file may read', async () => {
      const alice = someone();
      const names = Array.from({ length: 96 }, (_, index) => `MANY${index}`);
      await Promise.all(names.map((name) => makeSecret(vault.ports, alice, name, [name])));
      const content = names.map((name) => `${name}=secret(${name})\n`).join('');
      const first = await submit(alice, content, { key });
      await addVersion(vault.ports, alice, 'MANY95', 'newer');
      expect(await submit(alice, content, { key })).toEqual({ ...first, replayed: true });
    });

    it.each([
      ['every attempt was stored and lost its reply', { after: fault.lost }, 3],
      ['the first attempt was stored and lost its reply', { after: fault.lost }, 1],
    ])('succeeds for a file that creates nothing if %s', async (_, lost, times) => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'TOKEN', ['s3cr3t']);
      const script = fault.inTurn('write', Array(times).fill(lost));
      const ports = { ...vault.ports, store: storeOver(fault.hostile(vault.itemsOf, script)) };
      const first = await submit(alice, 'T=secret(TOKEN)\n', { key, ports });
      expect(first.replayed).toBe(false);
      expect((await submit(alice, 'T=secret(TOKEN)\n', { key })).replayed).toBe(true);
    });

    it('answers outcome_unknown for a file that creates nothing if its writes are lost and its record is not found', async () => {
      const lost = { before: fault.lost };
      const script = fault.inTurn('write', [lost, lost, lost]);
      const ports = { ...vault.ports, store: storeOver(fault.hostile(vault.itemsOf, script)) };
      await expect(submit(someone(), 'P=plain\n', { key, ports })).rejects.toMatchObject({
        code: 'outcome_unknown',
      });
    });
  });

  describe('while the master key is disabled', () => {
    // Shows G9.
    it('repeats the first answer to a keyed file that reads no value', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'OLD', ['x']);
      const read = () => submit(alice, 'T=secret(OLD)\n', { key: 'r'.repeat(20) });
      const keyed = [
        () => encrypt(alice, 'A=1\nX=enc(A)\nY=secret(OLD)\n', { key: 'e'.repeat(20) }),
        () => submit(alice, 'B=1\nX=enc(B)\n', { key: 's'.repeat(20) }),
      ];
      await read();
      const first = await Promise.all(keyed.map((send) => send()));
      await whileDisabled(vault, async () => {
        const second = await Promise.all(keyed.map((send) => send()));
        expect(second).toEqual(first.map((answer) => ({ ...answer, replayed: true })));
        await expect(read()).rejects.toMatchObject({ code: 'master_key_unavailable' });
      });
    });

    // Shows G9.
    it('reports name errors before the disabled master key, and stores nothing', async () => {
      const alice = someone();
      await makeSecret(vault.ports, alice, 'OLD', ['x']);
      await whileDisabled(vault, async () => {
        const fails = (content: string) => expect(submit(alice, content)).rejects;
        await fails('OLD=1\nX=enc(OLD)\n').toMatchObject({ code: 'secret_exists' });
        await fails('X=secret(NOWHERE)\n').toMatchObject({ code: 'not_found' });
        for (const dryRun of [false, true]) {
          const refused = submit(alice, 'NEW=1\nX=enc(NEW)\n', { dryRun });
          await expect(refused).rejects.toMatchObject({ code: 'master_key_unavailable' });
        }
        await fails('X=secret(OLD)\n').toMatchObject({ code: 'master_key_unavailable' });
      });
      expect(await storedValue(alice, 'NEW')).toBeUndefined();
    });
  });

  it('writes nothing if a value cannot be represented in the file', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'BYTES', [Uint8Array.of(0xff, 0xfe)]);
    await expect(submit(alice, 'A=1\nX=enc(A)\nB=secret(BYTES)\n')).rejects.toMatchObject({
      code: 'invalid_env',
      properties: { errors: [{ code: 'not_representable', line: 3 }] },
    });
    expect(await storedValue(alice, 'A')).toBeUndefined();
  });

  it('reports name errors before errors in the values', async () => {
    const alice = someone();
    await makeSecret(vault.ports, alice, 'OLD', ['x']);
    await makeSecret(vault.ports, alice, 'BYTES', [Uint8Array.of(0xff, 0xfe)]);
    const big = Array.from({ length: 16 }, (_, index) => `BIG${index}`);
    await Promise.all(
      big.map((name) => makeSecret(vault.ports, alice, name, ['x'.repeat(65_536)])),
    );
    const unwrap = async () => {
      throw new ApiError('master_key_incorrect', '');
    };
    const rewrapped = changedPorts(vault.ports, { dataKeys: () => ({ unwrap }) });
    const tooMuch = big.map((name) => `${name}=secret(${name})\n`).join('');
    for (const [code, reading, ports] of [
      ['invalid_env', 'B=secret(BYTES)\n', vault.ports],
      ['too_large', tooMuch, vault.ports],
      ['master_key_incorrect', 'B=secret(BYTES)\n', rewrapped],
    ] as const) {
      const fails = (name: string) =>
        expect(submit(alice, `${name}=1\nX=enc(${name})\n${reading}`, { ports })).rejects;
      await fails('NEW').toMatchObject({ code });
      await fails('OLD').toMatchObject({ code: 'secret_exists' });
    }
  });

  it('answers too_large if its new values and those that it reads have too many bytes together', async () => {
    const alice = someone();
    const names = Array.from({ length: 12 }, (_, index) => `BIG${index}`);
    await Promise.all(
      names.map((name) => makeSecret(vault.ports, alice, name, ['x'.repeat(65_536)])),
    );
    const reading = names.map((name) => `${name}=secret(${name})\n`).join('');
    const context = requestContext();
    // The values that are read and the first four new ones leave 64 bytes for the last value.
    const submitWith = (last: string) => {
      const sent = [...Array<string>(4).fill('é'.repeat(32_760)), last];
      const values = new Map(sent.map((value, index) => [`NEW${index}`, value]));
      const creating = [...values.keys()].map((name) => `${name}=enc(${name})\n`).join('');
      return submit(alice, creating + reading, { context, values });
    };
    await expect(submitWith('é'.repeat(33))).rejects.toMatchObject({ code: 'too_large' });
    expect(context.journal.kmsCalls).toEqual([]);
    expect((await submitWith('é'.repeat(32))).created).toHaveLength(5);
  });
});

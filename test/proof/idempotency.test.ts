/**
 * Requests with an Idempotency-Key are repeated: at once, concurrently, after 25 hours, after a restart, by another
 * subject, with other content. Each has one effect or the documented refusal.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { times } from '../../functions/model/limits.ts';
import type { Principal } from '../../functions/model/types.ts';
import type { Ports } from '../../functions/vault/request.ts';
import { effectsOf } from '../support/effects.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { printFigure } from '../support/figure.ts';
import { type Operation, writers } from '../support/operations.ts';
import { codeOf } from '../support/refusals.ts';
import { requestContext, someone } from '../support/requests.ts';
import { freshName, type RunningVault, startVault } from '../support/running-vault.ts';
import { addVersion } from '../support/secrets.ts';

const key = 'k'.repeat(20);
const hour = 3_600_000;
const began = Date.now();
let repetitions = 0;

afterAll(() => printFigure('idempotent replay', `${repetitions} repetitions, one effect each`));

describe('a repeated keyed request', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close());

  const prepared = async (operation: Operation): Promise<Principal> => {
    const principal = someone();
    await operation.prepare(vault.ports, principal);
    return principal;
  };
  const run = (
    operation: Operation,
    principal: Principal,
    after = 0,
    ports: Ports = vault.ports,
  ) => {
    repetitions += 1;
    return operation.run(key)(ports, requestContext({ now: began + after }), principal);
  };

  describe.each(writers)('$name', (operation) => {
    const { writes } = operation;

    // Shows G6.
    it.each([0, 1, 24 * hour, 25 * hour, 48 * hour - 1_000])(
      'has one effect and one answer %s ms later, whatever came between',
      async (after) => {
        const principal = await prepared(operation);
        const first = await run(operation, principal);
        for (const { name } of writes) await addVersion(vault.ports, principal, name, 'later');
        const again = await run(operation, principal, after);
        expect(again).toEqual({ ...first, replayed: true });
        expect(await effectsOf(vault.ports, principal, operation)).toEqual([1]);
      },
    );

    it('has one effect among sixteen concurrent ones, and fifteen are marked as replays', async () => {
      const principal = await prepared(operation);
      const all = await Promise.all(Array.from({ length: 16 }, () => run(operation, principal)));
      expect(new Set(all.map(({ written, told }) => JSON.stringify([written, told]))).size).toBe(1);
      expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(await effectsOf(vault.ports, principal, operation)).toEqual([1]);
    });

    it('counts as new after 49 hours, when the key is free', async () => {
      const principal = await prepared(operation);
      await run(operation, principal);
      const after = times.idempotencyKeptMs + hour;
      // A create then meets the existing name as any other create; an update writes its next version.
      const again = await run(operation, principal, after).catch((error) =>
        codeOf(() => Promise.reject(error)),
      );
      if (typeof again === 'string') expect(again).toBe('secret_exists');
      else expect([again.replayed, again.written[0]?.version]).toEqual([false, 4]);
    });

    it('counts as new under the same key of another subject', async () => {
      const principal = await prepared(operation);
      await run(operation, principal);
      const other = { ...principal, subject: 'mallory' };
      const answer = await run(operation, other).catch((error) =>
        codeOf(() => Promise.reject(error)),
      );
      if (typeof answer === 'string') expect(answer).toBe('secret_exists');
      else expect(answer.replayed).toBe(false);
    });

    it.each(writers.filter((other) => other !== operation))(
      'gets 422 if the key is used for $name instead',
      async (other) => {
        const principal = await prepared(operation);
        await run(operation, principal);
        if (other.prepare !== operation.prepare) await other.prepare(vault.ports, principal);
        const effects = await effectsOf(vault.ports, principal, operation);
        expect(await codeOf(() => run(other, principal))).toBe('idempotency_key_reused');
        expect(await effectsOf(vault.ports, principal, operation)).toEqual(effects);
      },
    );
  });
});

describe('a keyed request over HTTP', () => {
  let vault: RunningVault;
  beforeAll(async () => {
    vault = await startVault();
  });
  afterAll(() => vault.stop());

  const requests = () => {
    const [name, inFile] = [freshName(), freshName()];
    return [
      ['POST', '/v1/secrets', { name, value: 'first' }, {}],
      ['PUT', `/v1/secrets/${name}`, { value: 'second' }, { 'If-Match': '"1"' }],
      ['POST', '/v1/env', { content: `${inFile}=1\nX=enc(${inFile})\nY=secret(${name})\n` }, {}],
      ['POST', '/v1/env/encrypt', { content: `Z_${inFile}=1\nX=enc(Z_${inFile})\n` }, {}],
    ] as const;
  };

  // Shows G6.
  it('has one effect and one answer after the vault was killed and restarted', async () => {
    const token = vault.token();
    const first = [];
    for (const [method, path, body, conditions] of requests()) {
      const call = { token, body, headers: { 'Idempotency-Key': randomUUID(), ...conditions } };
      first.push({ method, path, call, reply: await vault.call(method, path, call) });
    }
    await vault.kill9();
    await vault.restart();
    for (const { method, path, call, reply } of first) {
      const again = await vault.call(method, path, call);
      repetitions += 1;
      expect([again.status, again.json]).toEqual([reply.status, reply.json]);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(reply.headers.get('idempotency-replayed')).toBeUndefined();
    }
  });

  it('gets 422 with the same key and other content, without another effect', async () => {
    const token = vault.token();
    for (const [method, path, body, conditions] of requests()) {
      const headers = { 'Idempotency-Key': randomUUID(), ...conditions };
      if (method === 'PUT') {
        const [, , , name] = path.split('/');
        await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'first' } });
      }
      const needed = /secret\((\w+)\)/.exec(JSON.stringify(body))?.[1];
      if (needed)
        await vault.call('POST', '/v1/secrets', { token, body: { name: needed, value: 'x' } });
      const first = await vault.call(method, path, { token, body, headers });
      expect(first.status).toBeLessThan(300);
      const other =
        'value' in body ? { ...body, value: 'other' } : { content: `#\n${body.content}` };
      const refused = await vault.call(method, path, { token, body: other, headers });
      expect([refused.status, refused.json.code]).toEqual([422, 'idempotency_key_reused']);
      const again = await vault.call(method, path, { token, body, headers });
      expect([again.status, again.json]).toEqual([first.status, first.json]);
      repetitions += 1;
    }
  });

  it('gets 422 with the same key and another If-Match, and is decided before If-Match with the same', async () => {
    const token = vault.token();
    const [, [method, path, body]] = requests();
    const name = path.split('/').at(-1);
    await vault.call('POST', '/v1/secrets', { token, body: { name, value: 'first' } });
    const keyed = { 'Idempotency-Key': randomUUID(), 'If-Match': '"1"' };
    const first = await vault.call(method, path, { token, body, headers: keyed });
    const again = await vault.call(method, path, { token, body, headers: keyed });
    const other = { ...keyed, 'If-Match': '"2"' };
    const refused = await vault.call(method, path, { token, body, headers: other });
    expect([first.status, again.status, refused.status]).toEqual([200, 200, 422]);
    expect(again.json).toEqual(first.json);
    const { json } = await vault.call('GET', `${path}/versions`, { token });
    expect(json.versions).toHaveLength(2);
  });
});

/** Two processes that share only the table and the master key agree on all secrets. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  describeLocal,
  freshName,
  type Reply,
  type RunningVault,
  startVault,
} from '../support/running-vault.ts';
import { startBeside } from '../support/second-vault.ts';

describeLocal('two hosts of one table', () => {
  let hosts: readonly RunningVault[] = [];
  let token: string;
  beforeAll(async () => {
    const first = await startVault();
    hosts = [first];
    hosts = [first, await startBeside(first)];
    token = first.token();
  });
  afterAll(async () => {
    for (const host of hosts.toReversed()) await host.stop();
  });

  /** Sends the requests to the hosts alternately, 16 at once. */
  const byTurns = async (
    requests: readonly (readonly [string, string, object])[],
    headers = {},
  ) => {
    const replies: Reply[] = [];
    let next = 0;
    const client = async () => {
      for (let index = next++; index < requests.length; index = next++) {
        const [method, path, body] = requests[index] ?? ['', '', {}];
        const host = hosts[index % hosts.length];
        if (host) replies[index] = await host.call(method, path, { token, body, headers });
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    return replies;
  };
  const onBoth = async (path: string) =>
    await Promise.all(hosts.map((host) => host.call('GET', path, { token })));
  const count = (replies: readonly Reply[], status: number) =>
    replies.filter((reply) => reply.status === status).length;
  const create = (name: string, value: string) => ['POST', '/v1/secrets', { name, value }] as const;
  const update = (name: string, value: string) =>
    ['PUT', `/v1/secrets/${name}`, { value }] as const;

  // Shows G1.
  it('let each of 40 names be created once in 400 creates, and show the same value', async () => {
    const names = Array.from({ length: 40 }, () => freshName());
    const attempts = Array.from({ length: 400 }, (_, index) =>
      create(names[Math.floor(index / 10)] ?? '', `attempt ${index}`),
    );
    const replies = await byTurns(attempts);
    expect([count(replies, 201), count(replies, 409)]).toEqual([40, 360]);
    for (const name of names) {
      const winner = attempts.findIndex(
        ([, , body], index) => body.name === name && replies[index]?.status === 201,
      );
      const shown = await onBoth(`/v1/secrets/${name}`);
      expect(shown.map(({ json }) => json.value)).toEqual([
        `attempt ${winner}`,
        `attempt ${winner}`,
      ]);
    }
  });

  it('put 200 updates of one secret into one history, though both lose races', async () => {
    const name = freshName();
    await byTurns([create(name, 'first')]);
    const replies = await byTurns(
      Array.from({ length: 200 }, (_, i) => update(name, `update ${i}`)),
    );
    expect(count(replies, 200)).toBe(200);
    expect(new Set(replies.map(({ json }) => json.version)).size).toBe(200);
    const query = 'order=asc&limit=100';
    const [first, second] = await onBoth(`/v1/secrets/${name}/versions?${query}`);
    expect(first?.json).toEqual(second?.json);
    const rest = await hosts[0]?.call(
      'GET',
      `/v1/secrets/${name}/versions?${query}&cursor=${first?.json.nextCursor}`,
      { token },
    );
    const all = [...(first?.json.versions ?? []), ...(rest?.json.versions ?? [])];
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    for (const [index, { validTo }] of all.entries()) {
      expect(validTo).toBe(
        all[index + 1]?.validFrom ??
          replies.find(({ json }) => json.version === 201)?.json.validFrom,
      );
    }
    for (const host of hosts) {
      expect(host.lines().some((line) => line.includes('"lost_race"'))).toBe(true);
    }
  });

  it('show on one host what the other has just written', async () => {
    const name = freshName();
    await byTurns([create(name, 'version 1')]);
    for (let version = 2; version <= 20; version += 1) {
      const [writer, reader] = version % 2 === 0 ? hosts : hosts.toReversed();
      const body = { value: `version ${version}` };
      const written = await writer?.call('PUT', `/v1/secrets/${name}`, { token, body });
      const read = await reader?.call('GET', `/v1/secrets/${name}`, { token });
      expect(read?.json).toMatchObject({ version, value: body.value });
      const then = await reader?.call('GET', `/v1/secrets/${name}?at=${written?.json.validFrom}`, {
        token,
      });
      expect(then?.json.version).toBe(version);
    }
  });

  // Shows G6.
  it('give a keyed request one effect, whichever host gets it', async () => {
    const [created, updated, stored] = [freshName(), freshName(), freshName()];
    await byTurns([create(updated, 'first')]);
    const content = `A=enc(${stored})\n`;
    const file = ['POST', '/v1/env', { content, values: { [stored]: 'v' } }] as const;
    for (const request of [create(created, 'v'), update(updated, 'v'), file]) {
      const key = { 'Idempotency-Key': randomUUID() };
      const replies = await byTurns(
        Array.from({ length: 16 }, () => request),
        key,
      );
      expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(replies[0]?.status).toBeLessThan(300);
      const first = replies.filter(({ headers }) => !headers.has('idempotency-replayed'));
      expect(first).toHaveLength(1);
    }
    const [, shown] = await onBoth(`/v1/secrets/${updated}`);
    expect(shown?.json.version).toBe(2);
  });

  it('answer a keyed request with If-Match alike, whichever host gets it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const name = freshName();
      await byTurns([create(name, 'first')]);
      const headers = { 'Idempotency-Key': randomUUID(), 'If-Match': '"1"' };
      const replies = await byTurns(
        Array.from({ length: 8 }, () => update(name, 'v')),
        headers,
      );
      expect(replies.map(({ status, json }) => [status, json.version])).toEqual(
        replies.map(() => [200, 2]),
      );
    }
  });

  it('share the names that concurrent creates and files want', async () => {
    for (let round = 0; round < 6; round += 1) {
      const pair = [freshName(), freshName()];
      const content = pair.map((name, index) => `K${index}=enc(${name})\n`).join('');
      const files = Array.from({ length: 6 }, (_, index) => {
        const values = Object.fromEntries(pair.map((name) => [name, `file ${index}`]));
        return ['POST', '/v1/env', { content, values }] as const;
      });
      const creates = pair.flatMap((name) => [create(name, 'single'), create(name, 'single')]);
      const replies = await byTurns(
        round % 2 === 0 ? [...creates, ...files] : [...files, ...creates],
      );
      const won = { files: count(replies, 200), singles: count(replies, 201) };
      expect([
        { files: 1, singles: 0 },
        { files: 0, singles: 2 },
      ]).toContainEqual(won);
      expect(count(replies, 409)).toBe(10 - won.files - won.singles);
      const shown = await Promise.all(pair.map((name) => onBoth(`/v1/secrets/${name}`)));
      const values = new Set(shown.flat().map(({ json }) => json.value));
      expect(values.size).toBe(1);
    }
  });
});

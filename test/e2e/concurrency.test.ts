/**
 * Many concurrent clients must agree on which secrets and versions exist. Locally they alternate
 * between two hosts that share only a DynamoDB table and the master key.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { times as timesOf } from '../../functions/model/limits.ts';
import { startDynamodb, type TestDynamodb } from '../support/dynamodb.ts';
import {
  freshName,
  isLocal,
  itLocal,
  type ListedVersion,
  type Reply,
  type RunningVault,
  repeatable,
  startVault,
} from '../support/running-vault.ts';
import { startBeside } from '../support/second-vault.ts';

const clients = 16;
let dynamodb: TestDynamodb | undefined;
let hosts: readonly RunningVault[] = [];
let token: string;
beforeAll(async () => {
  dynamodb = isLocal ? await startDynamodb() : undefined;
  const first = await startVault(dynamodb?.environment);
  hosts = [first];
  if (isLocal) hosts = [first, await startBeside(first)];
  token = first.token();
});
afterAll(async () => {
  for (const host of hosts.toReversed()) await host.stop();
  await dynamodb?.close();
});

type Request = readonly [method: string, path: string, body?: object];

const create = (name: string, value: string): Request => ['POST', '/v1/secrets', { name, value }];
const update = (name: string, value: string): Request => ['PUT', `/v1/secrets/${name}`, { value }];
const submit = (names: readonly string[], value: string): Request => {
  const content = names.map((name) => `A_${name}=enc(${name})\n`).join('');
  const values = Object.fromEntries(names.map((name) => [name, value]));
  return ['POST', '/v1/env', { content, values }];
};

const unmade: ReadonlySet<unknown> = new Set(['throttled', 'store_unavailable']);
/**
 * On a slow machine a request may run out of time before it has written anything. It is then sent
 * again.
 */
const callOne = async (
  index: number,
  [method, path, body]: Request,
  headers = {},
): Promise<Reply> => {
  const host = hosts[index % hosts.length];
  if (host === undefined) throw new Error('no host runs');
  for (let tries = 1; ; tries += 1) {
    const began = performance.now();
    const reply = await host.call(method, path, { token, headers, ...(body && { body }) });
    const isOutOfTime = performance.now() - began >= timesOf.kmsCallsUntilMs;
    if (tries === 5 || !isOutOfTime || !unmade.has(reply.json.code)) return reply;
  }
};

/** Sends the requests, alternating between the hosts, with one request in flight per client. */
const callAll = async (requests: readonly Request[], headers?: object): Promise<Reply[]> => {
  const replies: Reply[] = [];
  let next = 0;
  const client = async () => {
    for (let index = next++; index < requests.length; index = next++) {
      const request = requests[index];
      if (request) replies[index] = await callOne(index, request, headers ?? repeatable());
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return replies;
};
const times = <Entry>(count: number, make: (index: number) => Entry): Entry[] =>
  Array.from({ length: count }, (_, index) => make(index));
const countOf = (replies: readonly Reply[], status: number) =>
  replies.filter((reply) => reply.status === status).length;

/** Reads from all hosts and checks that they agree. */
const read = async (path: string): Promise<Reply['json']> => {
  const [json, ...others] = await Promise.all(
    hosts.map(async (_, index) => (await callOne(index, ['GET', path])).json),
  );
  for (const other of others) expect(other).toEqual(json);
  return json ?? {};
};

const historyOf = async (name: string): Promise<ListedVersion[]> => {
  const versions: ListedVersion[] = [];
  let cursor: string | null | undefined;
  do {
    const query = `order=asc&limit=100${cursor ? `&cursor=${cursor}` : ''}`;
    const json = await read(`/v1/secrets/${name}/versions?${query}`);
    versions.push(...(json.versions ?? []));
    cursor = json.nextCursor;
  } while (cursor !== null);
  return versions;
};

describe('160 creates of 16 names by 16 clients', () => {
  // Shows G1.
  it('are answered with 201 exactly once for each name, which keeps the value of that create', async () => {
    const names = times(16, () => freshName());
    // The ten creates of each name are adjacent, so that they collide.
    const attempts = times(160, (index) => ({
      name: names[Math.floor(index / 10)] ?? '',
      value: `attempt ${index}`,
    }));
    const replies = await callAll(attempts.map(({ name, value }) => create(name, value)));
    expect([countOf(replies, 201), countOf(replies, 409)]).toEqual([16, 144]);
    const winners = attempts.filter((_, index) => replies[index]?.status === 201);
    expect(winners.map(({ name }) => name).sort()).toEqual(names.sort());
    for (const { name, value } of winners) {
      expect((await read(`/v1/secrets/${name}`)).value).toBe(value);
    }
  });
});

describe('150 updates of one secret by 16 clients', () => {
  // Shows G3, G4.
  it('produce 150 consecutive versions, each of which is valid until the next one begins', async () => {
    const name = freshName('HOT');
    await callAll([create(name, 'first')]);
    const replies = await callAll(times(150, (index) => update(name, `update ${index}`)));
    expect(countOf(replies, 200)).toBe(150);
    const history = await historyOf(name);
    expect(history.map(({ version }) => version)).toEqual(times(151, (index) => index + 1));
    const starts = history.map(({ validFrom }) => validFrom);
    expect(history.map(({ validTo }) => validTo)).toEqual([...starts.slice(1), null]);
    expect(starts).toEqual([...new Set(starts)].sort());
    expect(new Set(replies.map(({ json }) => json.version)).size).toBe(150);
    for (const { json } of replies) {
      expect(starts[(json.version ?? 0) - 1]).toBe(json.validFrom);
    }
    for (const index of [0, 50, 149]) {
      const { value } = await read(`/v1/secrets/${name}?version=${replies[index]?.json.version}`);
      expect(value).toBe(`update ${index}`);
    }
  });

  itLocal('find on both hosts that another write was faster, as the logs say', () => {
    for (const host of hosts) {
      expect(host.lines().some((line) => line.includes('"lost_race"'))).toBe(true);
    }
  });
});

describe('16 concurrent duplicates of a request with an idempotency key', () => {
  // Shows G6.
  it('take effect once and get the same answer, whichever hosts they reach', async () => {
    const [created, updated, stored] = [freshName(), freshName(), freshName()];
    await callAll([create(updated, 'first')]);
    for (const request of [create(created, 'v'), update(updated, 'v'), submit([stored], 'v')]) {
      const duplicates = times(clients, () => request);
      const replies = await callAll(duplicates, { 'Idempotency-Key': randomUUID() });
      expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(replies[0]?.status).toBeLessThan(300);
      const first = replies.filter(({ headers }) => !headers.has('idempotency-replayed'));
      // Behind another gateway, the first answer may be lost. Then all the answers that arrive are
      // replays.
      expect(first.length).toBeLessThanOrEqual(1);
      expect(first.length === 1 || replies.some(({ tries }) => tries > 1)).toBe(true);
    }
    expect((await read(`/v1/secrets/${created}`)).version).toBe(1);
    expect((await read(`/v1/secrets/${updated}`)).version).toBe(2);
    expect((await read(`/v1/secrets/${stored}`)).version).toBe(1);
  });
});

describe('a reader of a secret during updates', () => {
  // Shows G4.
  it('sees version numbers that never go back, each with its own value', async () => {
    const name = freshName();
    await callAll([create(name, 'version 1')]);
    let isDone = false;
    const reader = async (host: number) => {
      for (let last = 0; !isDone; ) {
        const { json } = await callOne(host, ['GET', `/v1/secrets/${name}`]);
        expect(json.version).toBeGreaterThanOrEqual(last);
        expect(json.value).toBe(`version ${json.version}`);
        last = json.version ?? 0;
      }
    };
    const readers = [reader(0), reader(1)];
    for (let version = 2; version <= 20; version += 1) {
      const written = await callOne(version, update(name, `version ${version}`), repeatable());
      const other = version + 1;
      const shown = await callOne(other, ['GET', `/v1/secrets/${name}`]);
      const instant = `/v1/secrets/${name}?at=${written.json.validFrom}`;
      const then = await callOne(other, ['GET', instant]);
      const versions = [written, shown, then].map(({ json }) => json.version);
      expect(versions).toEqual([version, version, version]);
    }
    isDone = true;
    await Promise.all(readers);
  });
});

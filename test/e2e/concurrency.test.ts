/** Many concurrent clients agree on which secrets and versions exist. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  freshName,
  type ListedVersion,
  type Reply,
  type RunningVault,
  repeatable,
  startVault,
} from '../support/running-vault.ts';

const clients = 16;
let vault: RunningVault;
let token: string;
beforeAll(async () => {
  vault = await startVault();
  token = vault.token();
});
afterAll(() => vault.stop());

/** Runs `tasks` with as many at once as there are clients. */
const byAllClients = async <Result>(
  tasks: readonly (() => Promise<Result>)[],
): Promise<Result[]> => {
  const results: Result[] = [];
  let next = 0;
  const client = async () => {
    for (let index = next++; index < tasks.length; index = next++) {
      const task = tasks[index];
      if (task) results[index] = await task();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return results;
};
const statuses = (replies: readonly Reply[]): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>();
  for (const { status } of replies) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
};
const create = (name: string, value: string) =>
  vault.call('POST', '/v1/secrets', { token, body: { name, value }, headers: repeatable() });
const put = (name: string, value: string, headers = {}) =>
  vault.call('PUT', `/v1/secrets/${name}`, {
    token,
    body: { value },
    headers: { ...repeatable(), ...headers },
  });

const historyOf = async (name: string): Promise<ListedVersion[]> => {
  const versions: ListedVersion[] = [];
  let cursor: string | null | undefined;
  do {
    const query = `order=asc&limit=100${cursor ? `&cursor=${cursor}` : ''}`;
    const { json } = await vault.call('GET', `/v1/secrets/${name}/versions?${query}`, { token });
    versions.push(...(json.versions ?? []));
    cursor = json.nextCursor;
  } while (cursor !== null);
  return versions;
};

const expectToTile = (versions: readonly ListedVersion[], count: number): void => {
  expect(versions.map(({ version }) => version)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1),
  );
  const starts = versions.map(({ validFrom }) => validFrom);
  expect(versions.map(({ validTo }) => validTo)).toEqual([...starts.slice(1), null]);
  expect(starts).toEqual([...new Set(starts)].sort());
};

describe('1,000 creates of 100 names by 16 clients', () => {
  // Shows G1.
  it('answer 201 exactly once for each name and keep the value of that create', async () => {
    const names = Array.from({ length: 100 }, () => freshName());
    const attempts = Array.from({ length: 1_000 }, (_, index) => ({
      name: names[index % 100] ?? '',
      value: `attempt ${index}`,
    }));
    const replies = await byAllClients(
      attempts.map(
        ({ name, value }) =>
          () =>
            create(name, value),
      ),
    );
    expect(statuses(replies)).toEqual(
      new Map([
        [201, 100],
        [409, 900],
      ]),
    );
    const winners = attempts.filter((_, index) => replies[index]?.status === 201);
    expect(new Set(winners.map(({ name }) => name)).size).toBe(100);
    const stored = await byAllClients(
      winners.map(
        ({ name }) =>
          () =>
            vault.call('GET', `/v1/secrets/${name}`, { token }),
      ),
    );
    expect(stored.map(({ json }) => json.value)).toEqual(winners.map(({ value }) => value));
  });
});

describe('1,000 updates of one secret by 16 clients', () => {
  // Shows G3, G4.
  it('produce 1,000 contiguous versions with adjoining intervals', async () => {
    const name = freshName('HOT');
    await create(name, 'first');
    const replies = await byAllClients(
      Array.from({ length: 1_000 }, (_, index) => () => put(name, `update ${index}`)),
    );
    expect(statuses(replies)).toEqual(new Map([[200, 1_000]]));
    const versions = replies.map(({ json }) => json.version ?? 0);
    expect(new Set(versions).size).toBe(1_000);
    const history = await historyOf(name);
    expectToTile(history, 1_001);
    for (const { json } of replies) {
      expect(history[(json.version ?? 0) - 1]?.validFrom).toBe(json.validFrom);
    }
    const samples = replies.flatMap(({ json }, index) =>
      index % 50 === 0 ? [{ json, index }] : [],
    );
    for (const { json, index } of samples) {
      const path = `/v1/secrets/${name}?version=${json.version}`;
      const reply = await vault.call('GET', path, { token });
      expect(reply.json.value).toBe(`update ${index}`);
    }
  });
});

describe('16 updates of one version with If-Match', () => {
  it('let exactly one succeed', async () => {
    const name = freshName();
    await create(name, 'first');
    for (let version = 1; version <= 5; version += 1) {
      const replies = await Promise.all(
        Array.from({ length: clients }, (_, index) =>
          put(name, `${version}.${index}`, { 'If-Match': `"${version}"` }),
        ),
      );
      expect(statuses(replies)).toEqual(
        new Map([
          [200, 1],
          [412, 15],
        ]),
      );
      const won = replies.findIndex(({ status }) => status === 200);
      const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
      expect(json).toMatchObject({ version: version + 1, value: `${version}.${won}` });
    }
  });
});

describe('concurrent creates and files for the same names', () => {
  it('give each name to one of them, and a file all of its names or none', async () => {
    for (let round = 0; round < 8; round += 1) {
      const pair = [freshName('LEFT'), freshName('RIGHT')] as const;
      const content = pair.map((name) => `A_${name}=enc(${name})\n`).join('');
      const submits = Array.from({ length: 6 }, (_, index) => () => {
        const values = Object.fromEntries(pair.map((name) => [name, `file ${index}`]));
        const body = { content, values };
        return vault.call('POST', '/v1/env', { token, body, headers: repeatable() });
      });
      const creates = pair.flatMap((name) => [0, 1].map((index) => () => create(name, `${index}`)));
      const tasks = round % 2 === 0 ? [...creates, ...submits] : [...submits, ...creates];
      const replies = await byAllClients(tasks);
      const files = replies.filter(({ operationId }) => operationId === 'submit-env');
      const won = files.filter(({ status }) => status === 200);
      const singles = replies.filter(({ status }) => status === 201);
      expect(files.every(({ status }) => status === 200 || status === 409)).toBe(true);
      expect(won.length === 1 ? singles.length : won.length).toBe(0);
      const values = await Promise.all(
        pair.map((name) => vault.call('GET', `/v1/secrets/${name}`, { token })),
      );
      const found = values.map(({ json }) => json.value);
      if (won.length === 1) {
        expect(found[0]).toMatch(/^file /);
        expect(found[1]).toBe(found[0]);
      } else {
        expect(singles).toHaveLength(2);
        expect(found.join()).not.toContain('file');
      }
    }
  });
});

describe('a reader of two secrets that one file creates', () => {
  it('sees both or neither', async () => {
    for (let round = 0; round < 10; round += 1) {
      const pair = [freshName('ONE'), freshName('TWO')] as const;
      const values = Object.fromEntries(pair.map((name) => [name, name]));
      const content = pair.map((name) => `K_${name}=enc(${name})\n`).join('');
      let isWritten = false;
      const reader = async () => {
        const seen: Reply[] = [];
        const file = pair.map((name) => `K_${name}=secret(${name})\n`).join('');
        for (let more = 2; more > 0; more -= isWritten ? 1 : 0) {
          seen.push(await vault.call('POST', '/v1/env/expand', { token, body: { content: file } }));
        }
        return seen;
      };
      const reading = [reader(), reader(), reader()];
      const written = await vault.call('POST', '/v1/env/encrypt', {
        token,
        body: { content, values },
        headers: repeatable(),
      });
      isWritten = true;
      expect(written.status).toBe(200);
      const seen = (await Promise.all(reading)).flat();
      for (const { status, json } of seen) {
        if (status === 404) expect(json.errors?.map(({ name }) => name)).toEqual([...pair]);
        else expect(json.content).toBe(pair.map((name) => `K_${name}=${name}\n`).join(''));
      }
      expect(seen.at(-1)?.status).toBe(200);
    }
  });
});

describe('a reader of a secret during updates', () => {
  // Shows G4.
  it('sees version numbers that never go back, each with its own value', async () => {
    const name = freshName();
    await create(name, 'version 1');
    let isDone = false;
    const reader = async () => {
      let last = 0;
      while (!isDone) {
        const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
        expect(json.version).toBeGreaterThanOrEqual(last);
        expect(json.value).toBe(`version ${json.version}`);
        last = json.version ?? 0;
      }
    };
    const readers = [reader(), reader(), reader(), reader()];
    for (let version = 2; version <= 30; version += 1) {
      const written = await put(name, `version ${version}`);
      const { json } = await vault.call('GET', `/v1/secrets/${name}`, { token });
      expect([written.json.version, json.version]).toEqual([version, version]);
    }
    isDone = true;
    await Promise.all(readers);
  });
});

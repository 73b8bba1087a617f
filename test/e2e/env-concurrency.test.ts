/**
 * 16 clients submit 150 files that share names, and while each file is submitted, they also read
 * the names of one that was begun recently. Every request is timed: an answer must know each file
 * that was acknowledged before its request began, and no file that was submitted after the answer
 * came.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { changePair } from '../support/changed-pair.ts';
import {
  freshName,
  isLocal,
  itLocal,
  type Reply,
  repeatable,
  useVault,
} from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const clients = 16;
const filesCount = 150;
const vault = useVault();

/**
 * Each file creates a pair of names that no other file creates, and some names that other files
 * create as well.
 */
type File = {
  readonly index: number;
  readonly pair: readonly [string, string];
  readonly wants: readonly string[];
};
const shared = Array.from({ length: 180 }, () => freshName('SHARED'));
/**
 * Every third file also reads the pair of another file, which is either submitted later or was
 * submitted long before.
 */
const isReading = (index: number): boolean => index % 3 === 0;
const files: readonly File[] = Array.from({ length: filesCount }, (_, index) => {
  const pair = [freshName('LEFT'), freshName('RIGHT')] as const;
  // Three neighbouring files want the same first shared name at about the same time. They share the
  // other names with files further away.
  const places = [Math.floor(index / 3), index * 7, index * 13 + 5];
  const some = new Set(places.map((place) => shared[place % shared.length] ?? ''));
  return { index, pair, wants: isReading(index) ? pair : [pair[0], ...some, pair[1]] };
});
/**
 * The names that a file reads. A file that reads creates no shared name, so it can only be refused
 * because a name that it reads is missing.
 */
const readsOf = (index: number): readonly string[] => {
  const other = index % 2 === 0 ? index + 2 : index - 40;
  return isReading(index) ? (files[(other + filesCount) % filesCount]?.pair ?? []) : [];
};

const contentOf = ({ index, wants }: File): string =>
  [
    ...wants.map((name) => `E_${name}=enc(${name})`),
    ...readsOf(index).map((name) => `R_${name}=secret(${name})`),
  ].join('\n');
const textOf = (name: string, index: number): string => `${name} of file ${index}`;

type Timed = { readonly reply: Reply; readonly began: number; readonly ended: number };
const timed = async (request: () => Promise<Reply>): Promise<Timed> => {
  const began = performance.now();
  const reply = await request();
  return { reply, began, ended: performance.now() };
};
const submit = (file: File, content = contentOf(file)) =>
  timed(() => {
    const values = Object.fromEntries(file.wants.map((name) => [name, textOf(name, file.index)]));
    const body = { content, values };
    return vault.ask('POST', '/v1/env', body, repeatable());
  });
const expand = (names: readonly string[]) =>
  timed(() => {
    const content = names.map((name) => `K_${name}=secret(${name})\n`).join('');
    return vault.ask('POST', '/v1/env/expand', { content, dialect: 'json' });
  });
const toldNames = ({ reply }: Timed): readonly string[] =>
  (reply.json.errors ?? []).map(({ name }) => name ?? '');

describe('150 overlapping files submitted by 16 concurrent clients', () => {
  const submitted: Timed[] = [];
  const polled: (Timed & { readonly file: File })[] = [];
  /** For each name, the index of the file that created it. */
  const wonBy = new Map<string, number>();
  const winnerOf = (name: string): { readonly file: File; readonly timed: Timed } | undefined => {
    const index = wonBy.get(name) ?? -1;
    const [file, won] = [files[index], submitted[index]];
    return file && won && { file, timed: won };
  };
  /**
   * Checks that an answer was right about which names existed, given when its request began and
   * when it ended.
   */
  const requireTrue = (
    names: readonly string[],
    exists: (name: string) => boolean,
    { began, ended }: Pick<Timed, 'began' | 'ended'>,
  ) => {
    for (const name of names) {
      const winner = winnerOf(name);
      // If a name existed, its creation began before this answer ended. If it was missing, its
      // creation was acknowledged after this request began.
      if (exists(name)) expect(winner?.timed.began).toBeLessThan(ended);
      else if (winner) expect(winner.timed.ended).toBeGreaterThan(began);
      // The names of one file must all exist or all be missing.
      const together = names.filter((other) => winner?.file.wants.includes(other));
      for (const other of together) expect([other, exists(other)]).toEqual([other, exists(name)]);
    }
  };

  beforeAll(async () => {
    const rest = files.entries();
    const client = async () => {
      for (const [index, file] of rest) {
        // While each file is submitted, read the names of one that was begun recently, because some
        // of those are still in progress.
        const other = files[Math.max(0, index - (index % clients))] ?? file;
        const read = async () => polled.push({ file: other, ...(await expand(other.wants)) });
        [submitted[index]] = await Promise.all([submit(file), read()]);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    for (const [index, { reply }] of submitted.entries()) {
      for (const { name } of reply.json.created ?? []) wonBy.set(name, index);
    }
    // On a slow machine none of the reads above may have found a stored file, so read one more.
    const stored = files[submitted.findIndex(({ reply }) => reply.status === 200)] ?? files[0];
    if (stored) polled.push({ file: stored, ...(await expand(stored.wants)) });
  });

  it('are each stored with 200 or refused with 404 or 409, and each of these happens more than ten times', () => {
    const statuses = new Map<number, number>();
    for (const { reply } of submitted) {
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
    }
    expect([...statuses.keys()].sort()).toEqual([200, 404, 409]);
    for (const count of statuses.values()) expect(count).toBeGreaterThan(10);
  });

  // Shows G8.
  it('create all of their names or none', async () => {
    const told = files.filter((_, index) => submitted[index]?.reply.status === 200);
    expect(told.map(({ index }) => submitted[index]?.reply.json.created?.length)).toEqual(
      told.map(({ wants }) => wants.length),
    );
    expect(wonBy.size).toBe(told.reduce((sum, { wants }) => sum + wants.length, 0));
    for (let at = 0; at < files.length; at += clients) {
      const stored = await Promise.all(
        files.slice(at, at + clients).map(async ({ wants }) => {
          const { reply } = await expand(wants.filter((name) => wonBy.has(name)));
          return Object.values(JSON.parse(reply.json.content ?? '{}'));
        }),
      );
      for (const [offset, values] of stored.entries()) {
        const names = (files[at + offset]?.wants ?? []).filter((name) => wonBy.has(name));
        expect(values).toEqual(names.map((name) => textOf(name, wonBy.get(name) ?? -1)));
      }
    }
    const nobodys = files.flatMap(({ wants }) => wants.filter((name) => !wonBy.has(name)));
    for (let at = 0; at < nobodys.length; at += 90) {
      const names = [...new Set(nobodys.slice(at, at + 90))];
      expect(toldNames(await expand(names))).toEqual(names);
    }
  });

  it('are refused with 409 and exactly the names that existed', () => {
    const refused = submitted.flatMap((answer, index) =>
      answer.reply.status === 409 ? [{ answer, file: files[index] }] : [],
    );
    for (const { answer, file } of refused) {
      const told = new Set(toldNames(answer));
      expect(told.size).toBeGreaterThan(0);
      requireTrue(file?.wants ?? [], (name) => told.has(name), answer);
    }
  });

  it('are refused with 404 only for missing names that they read, and for both names of a pair together', () => {
    const refused = submitted.flatMap((answer, index) =>
      answer.reply.status === 404 ? [{ answer, reads: readsOf(index) }] : [],
    );
    for (const { answer, reads } of refused) {
      expect(toldNames(answer)).toEqual(reads);
      for (const name of reads) {
        const winner = winnerOf(name);
        if (winner) expect(winner.timed.ended).toBeGreaterThan(answer.began);
      }
    }
  });

  // Shows G8.
  it('appear to concurrent readers completely or not at all', () => {
    expect(polled.length).toBe(files.length + 1);
    let seen = { whole: 0, none: 0, part: 0 };
    for (const { file, reply, began, ended } of polled) {
      expect([200, 404]).toContain(reply.status);
      const missing = new Set(toldNames({ reply, began, ended }));
      requireTrue(file.wants, (name) => !missing.has(name), { began, ended });
      const kind =
        missing.size === 0 ? 'whole' : missing.size === file.wants.length ? 'none' : 'part';
      seen = { ...seen, [kind]: seen[kind] + 1 };
      if (reply.status === 200) {
        expect(Object.values(JSON.parse(reply.json.content ?? '{}'))).toEqual(
          file.wants.map((name) => textOf(name, wonBy.get(name) ?? -1)),
        );
      }
    }
    // Some reads must find both names of a pair that only one file creates, and others must find
    // neither yet.
    expect(seen.whole).toBeGreaterThan(0);
    expect(seen.none).toBeGreaterThan(0);
  });
});

describe('readers of a user and a password that files change together', () => {
  // Shows G8.
  it('never see one old and one new value, and each change writes one version of both', () =>
    changePair({
      pair: [freshName('USER'), freshName('PASS')],
      // Behind another gateway a change may take more than a second while 16 readers keep two cores
      // busy, and 60 changes meet the same races.
      changes: isLocal ? 200 : 60,
      write: (path, body) => vault.ask('POST', path, body, repeatable()),
      read: (path, body) => vault.ask('POST', path, body),
      // Readers without a pause would slow the changes down. Behind another gateway, answers take
      // much longer.
      pauseMs: isLocal ? 100 : 500,
    }));
});

describe('files that update the same two secrets', () => {
  itLocal(
    'wait within one process for updates and copies of these secrets, so that no other write is faster than theirs',
    async () => {
      const [user, pass] = [await vault.create('old'), await vault.create('old')];
      const content = `P=enc(${pass}@next)\nU=enc(${user}@next)\n`;
      const file = { content, values: { [user]: 'new', [pass]: 'new' } };
      const requests = [
        ['POST', '/v1/env', file],
        ['POST', '/v1/env/encrypt', file],
        ...[user, pass].flatMap((name) => [
          ['PUT', `/v1/secrets/${name}`, { value: 'new' }] as const,
          ['POST', `/v1/secrets/${name}/copies`, { from: { version: 1 } }] as const,
        ]),
      ] as const;
      const linesBefore = vault.lines().length;
      const replies = await Promise.all(
        Array.from({ length: 6 }, () => requests).flatMap((each) =>
          each.map(([method, path, body]) => vault.ask(method, path, body)),
        ),
      );
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
      await until(() => vault.lines().length >= linesBefore + replies.length);
      expect(vault.lines().slice(linesBefore).join('\n')).not.toContain('lost_race');
    },
  );
});

describe('files that read a secret while it is deleted and created again', () => {
  // Shows G8.
  it('use a version that was current during the request, or store nothing because the secret was deleted then', async () => {
    const read = await vault.create();
    // Versions with odd numbers have a value, and those with even numbers are deletions. A read may
    // find any version from the one that was `acknowledged` when it began to the one that was
    // `sent` when it ended.
    let acknowledged = 1;
    let sent = 1;
    const change = async (method: string, path: string, body?: object) => {
      sent += 1;
      const { status, json } = await vault.ask(method, path, body, repeatable());
      expect([Math.floor(status / 100), json.version]).toEqual([2, sent]);
      acknowledged = sent;
    };
    const seen = new Set<number>();
    let isOver = false;
    const changes = async () => {
      // On a slow machine, more rounds may be needed until the writers have met both a version and
      // a deletion.
      for (let round = 0; round < 15 || (seen.size < 2 && round < 150); round += 1) {
        await change('DELETE', `/v1/secrets/${read}`);
        await change('POST', '/v1/secrets', { name: read, value: 'v' });
      }
      isOver = true;
    };
    const writer = async () => {
      while (!isOver) {
        const name = freshName('BESIDE');
        const content = `${name}=v\nA=enc(${name})\nB=secret(${read})\n`;
        const first = acknowledged;
        const { status, json } = await vault.ask('POST', '/v1/env', { content }, repeatable());
        const possible = Array.from({ length: sent - first + 1 }, (_, index) => first + index);
        seen.add(status);
        if (status === 200) {
          const [{ version } = { version: 0 }] = json.resolved ?? [];
          expect(possible.filter((one) => one % 2 === 1)).toContain(version);
        } else {
          expect([status, json.errors?.map(({ name: told }) => told)]).toEqual([404, [read]]);
          expect(possible.some((one) => one % 2 === 0)).toBe(true);
        }
        const stored = await vault.ask('GET', `/v1/secrets/${name}`);
        expect(stored.status).toBe(status);
      }
    };
    await Promise.all([changes(), ...Array.from({ length: 4 }, writer)]);
    expect([...seen].sort()).toEqual([200, 404]);
  });
});

/** 500 overlapping files submitted at once by 16 clients, on the embedded store, while readers poll. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VaultError } from '../../functions/model/errors.ts';
import { encryptEnv } from '../../functions/vault/encrypt-env.ts';
import { expandEnv } from '../../functions/vault/expand-env.ts';
import { type Embedded, startEmbedded } from '../support/embedded.ts';
import { requestContext, someone } from '../support/requests.ts';

const files = 500;
const clients = 16;
const sharedNames = 240;

describe('500 overlapping files submitted by 16 clients', () => {
  let vault: Embedded;
  beforeAll(async () => {
    vault = await startEmbedded();
  });
  afterAll(() => vault.close(), 60_000);

  const alice = someone();
  const options = {
    values: new Map<string, string>(),
    dialect: 'shell',
    dryRun: false,
    reply: 'json',
    at: undefined,
    pin: false,
  } as const;
  /** Two names of its own and two that other files want, spread so that each is wanted by four. */
  const namesOf = (file: number): readonly string[] => [
    `OWN${file}_USER`,
    `OWN${file}_PASSWORD`,
    `SHARED${file % sharedNames}`,
    `SHARED${(file * 7 + 3) % sharedNames}`,
  ];
  const submit = (file: number) => {
    const names = [...new Set(namesOf(file))];
    const content = names
      .map((name) => `${name}=file ${file}\nUSE_${name}=enc(${name})\n`)
      .join('');
    const request = { ...options, content, fingerprint: undefined };
    return encryptEnv(vault.ports)(requestContext(), alice, request);
  };
  /** What each name holds, as one consistent view; a name that is not there is missing. */
  const read = async (names: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const content = names.map((name) => `${name}=secret(${name})\n`).join('');
    try {
      const { content: expanded } = await expandEnv(vault.ports)(requestContext(), alice, {
        ...options,
        content,
      });
      const lines = expanded.trimEnd().split('\n');
      return new Map(lines.map((line, index) => [names[index] ?? '', line.replace(/^\w+=/, '')]));
    } catch (error) {
      if (!(error instanceof VaultError) || error.code !== 'not_found') throw error;
      const missing = new Set((error.members.errors ?? []).map(({ name }) => name));
      const found = names.filter((name) => !missing.has(name));
      return found.length === 0 ? new Map() : await read(found);
    }
  };

  it('store all names of a file or none, refuse for names that exist, and are never seen by halves', async () => {
    const won = new Set<number>();
    const falseRefusals: string[] = [];
    const halves: number[] = [];
    let begun = 0;
    let polls = 0;
    let isOver = false;

    const client = async () => {
      for (let file = begun++; file < files; file = begun++) {
        try {
          await submit(file);
          won.add(file);
        } catch (error) {
          if (!(error instanceof VaultError) || error.code !== 'secret_exists') throw error;
          const told = (error.members.errors ?? []).flatMap(({ name }) => name ?? []);
          const there = await read(told);
          falseRefusals.push(...told.filter((name) => !there.has(name)));
          if (told.length === 0) falseRefusals.push(`file ${file} is refused without a name`);
        }
      }
    };
    const reader = async () => {
      while (!isOver) {
        const file = Math.max(0, begun - 1 - (polls % clients));
        const [user = '', password = ''] = namesOf(file);
        const content = `U=secret(${user})\nP=secret(${password})\n`;
        const request = { ...options, content };
        await expandEnv(vault.ports)(requestContext(), alice, request).catch((error) => {
          if (error.members?.errorsTotal !== 2) halves.push(file);
        });
        polls += 1;
      }
    };
    const readers = [reader(), reader()];
    await Promise.all(Array.from({ length: clients }, client));
    isOver = true;
    await Promise.all(readers);

    expect(falseRefusals).toEqual([]);
    expect(halves).toEqual([]);
    expect(polls).toBeGreaterThan(50);
    expect(won.size).toBeGreaterThan(50);
    expect(won.size).toBeLessThan(files - 50);
    for (let file = 0; file < files; file += 1) {
      const held = await read([...new Set(namesOf(file))]);
      const mine = [...held.values()].filter((value) => value.includes(`file ${file}'`));
      const expected = won.has(file) ? new Set(namesOf(file)).size : 0;
      expect([file, mine.length]).toEqual([file, expected]);
    }
  }, 90_000);
});

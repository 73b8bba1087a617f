/** Sends each error example of docs/env.md and compares the answer with the page. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { useVault } from '../support/running-vault.ts';

const stored: readonly (readonly [string, string | Uint8Array])[] = [
  ['KNOWN', 'hunter2'],
  ['LINES', 'a\nb'],
  ['DOLLAR', 'pa$word'],
  ['HASH', 'a #b'],
  ['QUOTES', `'"\`#`],
  ['ZERO', 'a\0b'],
  ['BYTES', new Uint8Array([0xff])],
  ['LONG', 'x'.repeat(65_536)],
];

const vault = useVault();
beforeAll(async () => {
  for (const [name, value] of stored) {
    const sent =
      typeof value === 'string'
        ? { value }
        : { value: Buffer.from(value).toString('base64'), encoding: 'base64' };
    const reply = await vault.ask('POST', '/v1/secrets', { name, ...sent });
    expect(reply.status).toBe(201);
  }
  await vault.create('first', 'GONE');
  await vault.ask('PUT', '/v1/secrets/GONE', { value: 'second' });
  expect((await vault.ask('DELETE', '/v1/secrets/GONE/versions/1')).status).toBe(200);
});

const page = readFileSync('docs/env.md', 'utf8');
const cell = String.raw`\| (\w+) \| \`(.+?)\` \|(?: \`(.+?)\`)? \| (\d+) (\d+):(\d+) \|`;
const rows = [...page.matchAll(new RegExp(`^\\| \`(\\w+)\` ${cell}`, 'gm'))];

const examples = rows.map(([, word = '', route = '', file = '', members = '{}', ...answer]) => {
  const [status, line, column] = answer.map(Number);
  const content = file
    .replaceAll('⏎', '\n')
    .replace(/\(U\+([0-9A-F]{4})\)/g, (_, hex) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return { word, route, body: { content, ...JSON.parse(members) }, status, line, column };
});

const { FileError, ValueFileError } = parse(readFileSync('docs/openapi.yaml', 'utf8')).components
  .schemas;
const codes = Object.keys(FileError.discriminator.mapping);
const reasons: readonly string[] = ValueFileError.properties.reason.enum;

describe('an error example in docs/env.md', () => {
  it.each(examples)(
    'is answered as the page says: $word',
    async ({ word, route, body, status, line, column }) => {
      const path = route === 'submit' ? '/v1/env' : `/v1/env/${route}`;
      const reply = await vault.ask('POST', path, body);
      expect(reply.status).toBe(status);
      expect(reply.json.errors).toHaveLength(1);
      const told = reasons.includes(word)
        ? { code: 'not_representable', reason: word }
        : { code: word };
      expect(reply.json.errors).toMatchObject([{ line, column, ...told }]);
    },
  );

  it('exists for every code and every reason', () => {
    expect(examples.map(({ word }) => word)).toEqual([...codes, ...reasons]);
  });
});

/** The commands of the page and their output, in order. */
const commands = [...page.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.split(/^\$ /m).slice(1),
);

/** Hides what may differ from one run to the next. */
const steady = (text: string): string =>
  text.replaceAll(/"(requestId|tag|anchor)":"[^"]*"/g, '"$1":"…"');

/**
 * The output of the commands before a pipe, as far as the page uses any. The tag of the page is of another vault, so the
 * last tag of this one replaces it.
 */
const piped = (command: string, files: ReadonlyMap<string, string>): string => {
  const typed = /^printf '(.*?)' \|/.exec(command)?.[1];
  if (typed !== undefined) return typed.replaceAll('\\n', '\n');
  const [, unless, pinned = ''] =
    /^jq -Rs '\{content: \., pin: true(, unless: ".*")?\}' ([\w.]+) \|/.exec(command) ?? [];
  const content = files.get(pinned);
  return JSON.stringify({ content, pin: true, ...(unless && { unless: files.get('tag') }) });
};

/**
 * The output of a `curl` command of the page. An instant of the page is earlier than this vault, so now replaces it.
 */
const curl = async (command: string, files: ReadonlyMap<string, string>): Promise<string> => {
  const named = /--data-binary @([\w.]+|-)/.exec(command)?.[1];
  const sent = named === '-' ? piped(command, files) : files.get(named ?? '');
  const path = /http:\/\/127\.0\.0\.1:3000(\/[^\s']*)/.exec(command)?.[1] ?? '';
  const json = command.includes('application/json');
  const body = /-d '(.*?)'/s.exec(command)?.[1] ?? sent ?? '';
  const call = { token: vault.token(), ...(json ? { raw: body } : { file: body }) };
  const now = `at=${new Date().toISOString()}`;
  return (await vault.call('POST', path.replace(/at=[^&]*/, now), call)).text;
};

describe('a command in docs/env.md', () => {
  it('prints the output on the page, in the order of the page', async () => {
    const files = new Map<string, string>();
    let shown = 0;
    for (const text of commands) {
      const [command = '', ...output] = text.split(/(?<!\\)\n/);
      const printed = `${output.join('\n').trim()}\n`;
      const cat = /^cat ([\w.]+)$/.exec(command)?.[1];
      if (cat !== undefined) {
        files.set(cat, printed);
        continue;
      }
      const answer = await curl(command, files);
      expect(steady(answer).trim()).toBe(steady(printed).trim());
      const kept = /\| tee ([\w.]+)$/.exec(command)?.[1];
      if (kept !== undefined) files.set(kept, answer);
      const tag = /"tag":"(.*?)"/.exec(answer)?.[1];
      if (tag !== undefined) files.set('tag', tag);
      shown++;
    }
    expect(shown).toBeGreaterThanOrEqual(8);
  });
});

/** Provokes each error that docs/env.md lists, and runs the commands of the page. */
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
/** The codes on the page with their status, which is 422 unless the page says otherwise. */
const listed = [
  ...(page.split('\n## Reports\n')[1] ?? '').matchAll(/^- `(\w+)`(?: \((\d+)\))?: /gm),
].map(([, word = '', status = '422']) => [word, Number(status)] as const);

type Example = readonly [
  route: string,
  content: string,
  status: number,
  line: number,
  column: number,
  beside?: object,
];
/**
 * For each code and reason: a file that causes it, and the status, line and column of the answer.
 */
const examples: Readonly<Record<string, Example>> = {
  missing_equals: ['expand', 'DB_PASS hunter2', 422, 1, 1],
  unterminated_quote: ['expand', 'A=1\nB="x', 422, 2, 3],
  text_after_quote: ['expand', 'A="x"y', 422, 1, 6],
  bad_key: ['expand', 'DB-PASS=x', 422, 1, 1],
  bad_character: ['expand', 'A=x\ry', 422, 1, 4],
  bad_escape: ['expand', 'A="C:\\dir"', 422, 1, 6],
  duplicate_key: ['expand', 'A=1\nA=2', 422, 2, 1],
  malformed_reference: ['expand', 'A=Secret(KNOWN)', 422, 1, 3],
  enc_not_allowed: ['expand', 'A="enc(X)"', 422, 1, 4],
  unused_value: ['encrypt', 'A=1', 422, 1, 1, { values: { X: '1' } }],
  ambiguous_value: ['encrypt', 'X=1\nA="enc(X)"', 422, 2, 4, { values: { X: '2' } }],
  unresolved_value: ['encrypt', 'A="enc(X)"', 422, 1, 4],
  nested_reference: ['encrypt', 'X=secret(KNOWN)\nA="enc(X)"', 422, 1, 3],
  reference_to_new_secret: ['submit', 'X=1\nA="enc(X)"\nB="secret(X)"', 422, 3, 4],
  conflicting_enc: ['encrypt', 'X=1\nA="enc(X)"\nB="enc(X@next)"', 422, 3, 4],
  not_representable: ['expand', 'A="secret(LINES)"', 422, 1, 4, { dialect: 'docker' }],
  not_found: ['expand', 'A="secret(NOPE)"', 404, 1, 4],
  version_conflict: [
    'encrypt',
    'A="enc(KNOWN@next)"',
    412,
    1,
    4,
    { values: { KNOWN: 'x' }, ifVersions: { KNOWN: 9 } },
  ],
  pin_mismatch: ['expand', 'A="secret(KNOWN@1.AAAAAAAA)"', 409, 1, 4],
  version_destroyed: ['expand', 'A="secret(GONE@1)"', 410, 1, 4],
  secret_exists: ['encrypt', 'A="enc(KNOWN)"', 409, 1, 4, { values: { KNOWN: 'x' } }],
  not_utf8: ['expand', 'A=secret(BYTES)', 422, 1, 3, { dialect: 'json' }],
  nul: ['expand', 'A=secret(ZERO)', 422, 1, 3],
  line_feed: ['expand', 'A=secret(LINES)', 422, 1, 3, { dialect: 'docker' }],
  carriage_return: ['expand', 'A=secret(KNOWN)\r\n', 422, 1, 3],
  quotes: ['expand', 'A=secret(QUOTES)', 422, 1, 3, { dialect: 'dotenv' }],
  expansion: ['expand', 'A=secret(DOLLAR)', 422, 1, 3, { dialect: 'dotenv' }],
  too_long: ['expand', 'A=secret(LONG)', 422, 1, 3, { dialect: 'docker' }],
  key: ['expand', 'UID=secret(KNOWN)', 422, 1, 5],
  byte_order_mark: ['expand', '\ufeffA=secret(KNOWN)', 422, 1, 3, { dialect: 'dotenv' }],
  comment: ['expand', 'A=secret(KNOWN) # b\u2028C=1', 422, 1, 3, { dialect: 'dotenv' }],
  other_line: ['expand', "B=it's\nA=secret(KNOWN)", 422, 2, 3],
  expanded_later: [
    'submit',
    'A=secret(HASH)\nB="enc(N)"',
    422,
    1,
    3,
    { dialect: 'docker', values: { N: '1' } },
  ],
};

const { FileError, ValueFileError } = parse(readFileSync('docs/openapi.yaml', 'utf8')).components
  .schemas;
const codes = Object.keys(FileError.discriminator.mapping);
const reasons: readonly string[] = ValueFileError.properties.reason.enum;

describe('an error that docs/env.md lists', () => {
  it.each(Object.entries(examples))(
    'is reported at the line and column that cause it: %s',
    async (word, [mode, content, status, line, column, beside]) => {
      const path = mode === 'submit' ? '/v1/env' : `/v1/env/${mode}`;
      const reply = await vault.ask('POST', path, { content, ...beside });
      expect(reply.status).toBe(status);
      expect(reply.json.errors).toHaveLength(1);
      const told = reasons.includes(word)
        ? { code: 'not_representable', reason: word }
        : { code: word };
      expect(reply.json.errors).toMatchObject([{ line, column, ...told }]);
    },
  );

  it('is in docs/openapi.yaml, which has no other codes and reasons, and is listed with the status that the vault answers', () => {
    expect(listed.map(([word]) => word).sort()).toEqual([...codes, ...reasons].sort());
    const statuses = Object.entries(examples).map(([word, [, , status]]) => [word, status]);
    expect([...listed].sort()).toEqual(statuses.sort());
  });
});

/** The page's commands with their output, in order. */
const commands = [...page.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.split(/^\$ /m).slice(1),
);

/** Replaces what may differ between runs. */
const steady = (text: string): string =>
  text.replaceAll(/"(requestId|tag|anchor)":"[^"]*"/g, '"$1":"…"');

/** The output of `printf`, the only command that the page pipes into `curl`. */
const piped = (command: string): string =>
  (/^printf '(.*?)' \|/.exec(command)?.[1] ?? '').replaceAll('\\n', '\n');

/** The output of one of the page's `curl` commands. */
const curl = async (command: string, files: ReadonlyMap<string, string>): Promise<string> => {
  const named = /--data-binary @([\w.]+|-)/.exec(command)?.[1];
  const sent = named === '-' ? piped(command) : files.get(named ?? '');
  const path = /http:\/\/127\.0\.0\.1:3000(\/[^\s']*)/.exec(command)?.[1] ?? '';
  const json = command.includes('application/json');
  const body = /-d '(.*?)'/s.exec(command)?.[1] ?? sent ?? '';
  const call = { token: vault.token(), ...(json ? { raw: body } : { file: body }) };
  return (await vault.call('POST', path, call)).text;
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
      shown++;
    }
    expect(shown).toBeGreaterThanOrEqual(4);
  });
});

/**
 * Sends unique values in valid and invalid requests. Then it searches for them in every form: in
 * the files of the store, while it runs and after it was killed, in printed lines, in replies that
 * should not contain them, and in a heap snapshot. The memory of the process does contain them, and
 * the test reports how many copies.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canaryForms, contentsOf, findCanaries, newCanary } from '../support/adversary/canaries.ts';
import { printFigure } from '../support/figure.ts';
import { freshFolder } from '../support/local-process.ts';
import {
  describeLocal,
  freshName,
  type Reply,
  type RunningVault,
  startVault,
} from '../support/running-vault.ts';

const asciiJson = (text: string): string => JSON.stringify(text).replace('ä', '\\u00E4');

describe('the search for a canary', () => {
  it.each([
    ['as plain text', (text: string) => Buffer.from(text)],
    ['in hexadecimal', (text: string) => Buffer.from(Buffer.from(text).toString('hex'))],
    ['in JSON', (text: string) => Buffer.from(JSON.stringify({ value: text }))],
    ['in JSON of ASCII', (text: string) => Buffer.from(asciiJson(text))],
    ['in a string of Node', (text: string) => Buffer.from(text, 'latin1')],
    ['in a URL', (text: string) => Buffer.from(`?value=${encodeURIComponent(text)}`)],
    ['in UTF-16', (text: string) => Buffer.from(`x${text}`, 'utf16le')],
    ...[0, 1, 2].map(
      (before) =>
        [
          `in base64 after ${before} bytes`,
          (text: string) =>
            Buffer.from(Buffer.from(`${'x'.repeat(before)}${text}y`).toString('base64')),
        ] as const,
    ),
  ] as const)('finds it written %s', (_, write) => {
    const text = newCanary();
    expect(
      findCanaries(
        Buffer.concat([randomBytes(99), write(text), randomBytes(99)]),
        canaryForms(text),
      ),
    ).not.toHaveLength(0);
  });
});

/** Yields the writable memory of a process, which a core dump would contain. */
function* memoryOf(pid: number): Generator<Buffer> {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, first = '', last = '', mode = ''] =
        /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
      if (!mode.startsWith('rw')) continue;
      const [from, to] = [Number.parseInt(first, 16), Number.parseInt(last, 16)];
      for (let at = from; at < to; at += 2 ** 24) {
        const bytes = Buffer.alloc(Math.min(2 ** 24, to - at));
        try {
          yield bytes.subarray(0, readSync(memory, bytes, 0, bytes.length, at));
        } catch {
          // This part of the address space is reserved but has no memory.
        }
      }
    }
  } finally {
    closeSync(memory);
  }
}

describeLocal('plaintext sent to a vault', () => {
  let vault: RunningVault;
  const dumps = freshFolder();
  const canaries: string[] = [];
  const silent: Reply[] = [];
  const next = (): string => {
    const text = newCanary();
    canaries.push(text);
    return text;
  };
  const formsOfAll = () => canaries.flatMap((text) => canaryForms(text));
  const found = (where: Uint8Array): number => findCanaries(where, formsOfAll()).length;

  beforeAll(async () => {
    const options = `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${dumps}`;
    vault = await startVault({ NODE_OPTIONS: options });
    const token = vault.token();
    const send = (...[method, path, call]: Parameters<RunningVault['call']>) =>
      vault.call(method, path, { token, ...call });
    /** Sends a request whose reply must not contain a value, and keeps the reply for the tests. */
    const sendSilent = async (...call: Parameters<RunningVault['call']>) => {
      silent.push(await send(...call));
    };
    for (let round = 0; round < 10; round += 1) {
      const name = freshName();
      const headers = { 'Idempotency-Key': randomUUID() };
      const value = next();
      await sendSilent('POST', '/v1/secrets', { body: { name, value }, headers });
      await sendSilent('POST', '/v1/secrets', { body: { name, value }, headers });
      await sendSilent('POST', '/v1/secrets', { body: { name, value: next() } });
      await sendSilent('PUT', `/v1/secrets/${name}`, { body: { value: next() } });
      const encoded = { value: Buffer.from(next()).toString('base64'), encoding: 'base64' };
      const unmet = { body: encoded, headers: { 'If-Match': '"9"' } };
      await sendSilent('PUT', `/v1/secrets/${name}`, unmet);
      await sendSilent('PUT', `/v1/secrets/${freshName()}`, { body: { value: next() } });
      const copies = `/v1/secrets/${name}/copies`;
      const again = { 'Idempotency-Key': randomUUID() };
      for (const _ of [1, 2]) {
        await sendSilent('POST', copies, { body: { from: { version: 1 } }, headers: again });
      }
      await sendSilent('POST', copies, { body: { from: { version: 1 }, value: next() } });
      const promoted = { body: { from: { name }, create: true } };
      await sendSilent('POST', `/v1/secrets/${freshName()}/copies`, promoted);
      // These bodies are malformed in ways that make parsers quote their input.
      const text = JSON.stringify({ name, value: next() });
      for (const raw of [
        text.slice(0, -1),
        `${text}x`,
        text.replace('"value"', `"value":1,"${next().slice(0, 5)}"`),
        Buffer.concat([Buffer.from(text), Buffer.of(0xff)]),
      ]) {
        await sendSilent('POST', '/v1/secrets', { raw });
      }
      await sendSilent('POST', '/v1/secrets', { body: { name, value: { nested: next() } } });
      // A note that contains the value is refused, because notes are not secret.
      const told = next();
      const telling = { value: told, note: `it is ${told}` };
      await sendSilent('POST', '/v1/secrets', { body: { name: freshName(), ...telling } });
      await sendSilent('PUT', `/v1/secrets/${name}`, { body: telling });
      await sendSilent('DELETE', `/v1/secrets/${name}`, { body: { value: next() } });
      const [first, second] = [freshName(), freshName()];
      const values = { [first]: next(), [second]: next() };
      const file = { content: `A=enc(${first})\nB=enc(${second})\n`, values };
      await sendSilent('POST', '/v1/env/encrypt', { body: file });
      const unused = { ...file, values: { ...values, unused_: next() } };
      await sendSilent('POST', '/v1/env/encrypt', { body: unused });
      const hex = next().replace(/[^0-9a-f]/g, '');
      canaries.push(`plain${hex}`);
      await sendSilent('POST', '/v1/env', { file: `A='plain${hex}\nB=enc(${first}\n` });
      await sendSilent('POST', '/v1/env/expand', { file: `A=secret(${name})\nX="plain${hex}\n` });
      // These requests read secrets, so that the values of replies are in the memory of the
      // process, too.
      await send('GET', `/v1/secrets/${name}`);
      await send('GET', `/v1/secrets/${name}/versions?include=values`);
      await send('POST', '/v1/env/expand', { file: `A=secret(${name})\nB=secret(${first})\n` });
    }
  });
  afterAll(async () => {
    await vault.stop();
    rmSync(dumps, { recursive: true });
  });

  it('appears in no reply to a write or to a refused request', () => {
    // Each of the ten rounds makes two copies of secrets and repeats the request for the first of
    // them, so it gets three replies about copies.
    expect(silent.filter(({ json }) => 'from' in json)).toHaveLength(10 * 3);
    for (const { status, text, headers } of silent) {
      expect([status, text, found(Buffer.from(text + [...headers].join()))]).toEqual([
        status,
        text,
        0,
      ]);
    }
  });

  // Shows G4.
  it('appears in no reply after its version was destroyed', async () => {
    const token = vault.token();
    const [name, value] = [freshName(), next()];
    const path = `/v1/secrets/${name}`;
    const headers = { 'Idempotency-Key': randomUUID() };
    const content = `A=secret(${name})\n`;
    const submit = { token, body: { content }, headers };
    const { json } = await vault.call('POST', '/v1/secrets', { token, body: { name, value } });
    const asks = (): Promise<Reply>[] => [
      vault.call('GET', `${path}?version=1`, { token }),
      vault.call('GET', `${path}?at=${json.validFrom}`, { token }),
      vault.call('GET', `${path}/versions?include=values`, { token }),
      vault.call('POST', '/v1/env/expand', { token, body: { content: `A=secret(${name}@1)\n` } }),
      vault.call('POST', '/v1/env/expand', { token, body: { content, at: json.validFrom } }),
      vault.call('POST', '/v1/env', submit),
    ];
    const copies = async () =>
      (await Promise.all(asks())).map(
        ({ text }) => findCanaries(Buffer.from(text), canaryForms(value)).length > 0,
      );
    expect(await copies()).toEqual(Array(6).fill(true));
    await vault.call('PUT', path, { token, body: { value: next() } });
    expect((await vault.call('DELETE', `${path}/versions/1`, { token })).status).toBe(200);
    expect(await copies()).toEqual(Array(6).fill(false));
  });

  // Shows G14.
  it('appears in no printed line', () => {
    const lines = vault.lines();
    expect(lines.length).toBeGreaterThan(100);
    expect(found(Buffer.from(lines.join('\n')))).toBe(0);
  });

  it('appears in no file of the data folder, while the vault runs and after it was killed', async () => {
    let bytes = 0;
    const files = new Set<string>();
    const search = () => {
      for (const { file, content } of contentsOf(vault.dataDir)) {
        files.add(file);
        bytes += content.length;
        expect([file, found(content)]).toEqual([file, 0]);
      }
    };
    search();
    expect([...files].join(' ')).toMatch(/wal/);
    await vault.kill9();
    search();
    await vault.restart();
    printFigure(
      'canaries',
      `${canaries.length} values, ${silent.length} replies, ${vault.lines().length} lines, ${bytes} bytes of files: 0 found`,
    );
  });

  it('is in the memory of the process right after its request, as the threat model says', async () => {
    const token = vault.token();
    const name = freshName();
    const value = next();
    await vault.call('POST', '/v1/secrets', { token, body: { name, value } });
    const before = canaryForms(value);
    const pid = vault.process()?.child.pid ?? 0;
    const count = () => {
      let copies = 0;
      for (const part of memoryOf(pid)) copies += findCanaries(part, before).length;
      return copies;
    };
    const atOnce = count();
    for (let request = 0; request < 2_000; request += 1) await vault.call('GET', '/health');
    const later = count();
    printFigure(
      'memory',
      `forms of a value found in parts of the process's memory: ${atOnce} right after its request, ${later} after 2,000 others`,
    );
    // If this ever finds no copy, docs/threat-model.md may promise more.
    expect(atOnce).toBeGreaterThan(0);
  });

  it('appears in no heap snapshot taken after its request', async () => {
    const value = next();
    // The subject of the token is a canary, too. The vault remembers the caller of a token for a
    // minute, so a search that works finds this canary.
    const subject = newCanary();
    const [name, token] = [freshName(), vault.token({ sub: subject })];
    await vault.call('POST', '/v1/secrets', { token, body: { name, value } });
    await vault.call('GET', `/v1/secrets/${name}`, { token });
    vault.process()?.child.kill('SIGUSR2');
    const snapshot = await untilWritten(dumps);
    const copies = canaryForms(value).filter((form) => snapshot.includes(form)).length;
    printFigure('heap snapshot', `forms of a value found in ${snapshot.length} bytes: ${copies}`);
    expect(findCanaries(snapshot, canaryForms(subject)).length).toBeGreaterThan(0);
    expect(copies).toBe(0);
  });
});

/**
 * Waits for the heap snapshot that a process writes into a folder, and returns it when it is
 * complete.
 */
const untilWritten = async (folder: string): Promise<Buffer> => {
  for (let tries = 0; tries < 600; tries += 1) {
    const [name] = readdirSync(folder);
    const content = name === undefined ? Buffer.alloc(0) : readFileSync(join(folder, name));
    if (content.subarray(-8).toString().trimEnd().endsWith(']}')) return content;
    await sleep(200);
  }
  throw new Error('no heap snapshot was written');
};

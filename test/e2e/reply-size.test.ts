/**
 * No reply is larger than a result of AWS Lambda may be. A request whose reply would be larger has
 * no effect.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { limits } from '../../functions/model/limits.ts';
import { bodyBytesInResult, lambdaResultBytesMax } from '../support/results.ts';
import { freshName, type Reply, useVault } from '../support/running-vault.ts';

const vault = useVault();

const tooLarge = { status: 413, json: { code: 'too_large', limit: limits.replyBytesMax } };
/** The size of the function's result for this reply, in bytes. */
const resultBytes = ({ status, headers, text }: Reply): number =>
  Buffer.byteLength(
    JSON.stringify({ statusCode: status, headers: Object.fromEntries(headers), body: text }),
  );

describe.each([
  ['quotation marks', '"', 2, 4],
  ['line feeds', '\n', 2, 3],
])('a file that names a secret of 64 KiB of %s many times', (_, character, asText, asJson) => {
  let big: string;
  beforeAll(async () => {
    big = await vault.create(character.repeat(65_536));
  });
  /**
   * Returns a file that names the secret as many times as fit into a reply, and `more` times more.
   * `bytesEach` is how many bytes of the reply each byte of the value takes.
   */
  const file = (bytesEach: number, more: number) =>
    `A="${`secret(${big})`.repeat(Math.floor((limits.replyBytesMax - 1_000) / (65_536 * bytesEach)) + more)}"\n`;

  const send = (path: string, file: string) =>
    vault.call('POST', path, { token: vault.token(), file });

  it('stores nothing and is refused if its reply would be too large, bare or in JSON', async () => {
    const fresh = freshName();
    const creating = `${fresh}=v\nN="enc(${fresh})"\n`;
    const bare = creating + file(asText, 1);
    expect(Buffer.byteLength(bare)).toBeLessThan(4_000);
    expect(await send('/v1/env', bare)).toMatchObject(tooLarge);
    const body = { content: creating + file(asJson, 1) };
    expect(await vault.ask('POST', '/v1/env', body)).toMatchObject(tooLarge);
    expect((await vault.ask('GET', `/v1/secrets/${fresh}`)).status).toBe(404);
  });

  it('gets a complete answer if that fits into a result that Lambda accepts', async () => {
    const bare = await send('/v1/env/expand', file(asText, 0));
    const body = { content: file(asJson, 0) };
    const inJson = await vault.ask('POST', '/v1/env/expand', body);
    for (const reply of [bare, inJson]) {
      expect(reply.status).toBe(200);
      expect(bodyBytesInResult(reply.text)).toBeLessThanOrEqual(limits.replyBytesMax);
      expect(resultBytes(reply)).toBeLessThanOrEqual(lambdaResultBytesMax);
    }
  });
});

describe('the largest page of versions with values', () => {
  it('fits in a result that Lambda accepts, even with control characters', async () => {
    const value = '\u0001'.repeat(65_536);
    const name = await vault.create(value);
    for (let version = 2; version <= limits.valuesPageMax; version += 1) {
      await vault.ask('PUT', `/v1/secrets/${name}`, { value });
    }
    const page = await vault.ask('GET', `/v1/secrets/${name}/versions?include=values`);
    expect(page.json.versions).toHaveLength(limits.valuesPageMax);
    expect(bodyBytesInResult(page.text)).toBeLessThanOrEqual(limits.replyBytesMax);
    expect(resultBytes(page)).toBeLessThanOrEqual(lambdaResultBytesMax);
  });
});

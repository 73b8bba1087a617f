import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { namesAtOnce } from '../../../cli/commands/completion-names.ts';

let stop = (): unknown => undefined;
afterEach(() => {
  delete process.env['DSVAULT_ADDR'];
  delete process.env['DSVAULT_TOKEN'];
  stop();
});

/**
 * Starts a server that answers every request as a vault with this reply would. Returns the paths of
 * the requests that it receives.
 */
const startVault = async (answer: RequestListener): Promise<readonly (string | undefined)[]> => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stop = () => [server.close(), server.closeAllConnections()];
  const header = Buffer.from('{"alg":"none"}').toString('base64url');
  process.env['DSVAULT_ADDR'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.env['DSVAULT_TOKEN'] = `${header}.e.e`;
  return asked;
};

describe('the names of secrets for completion', () => {
  it('come from one request, without names in which a shell would execute something', async () => {
    const asked = await startVault((_, response) => {
      const names = ['A1', 'A$(id)', '`id`', 'A b', 'A.b-c'];
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ names, nextCursor: 'more' }));
    });
    expect(await namesAtOnce('A', '60')).toEqual(['A1', 'A.b-c']);
    expect(asked).toEqual(['/v1/secrets?prefix=A']);
  });

  it('are requested once, and given up soon, if the vault does not answer', async () => {
    const asked = await startVault(() => undefined);
    await expect(namesAtOnce('')).rejects.toThrow('within 0.3 s');
    expect(asked).toEqual(['/v1/secrets']);
  });
});

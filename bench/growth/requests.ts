/** The times of requests on a vault with many secrets, one after the other. */
import { randomBytes } from 'node:crypto';
import { nextCursorOf } from '../../functions/http/pages.ts';
import { sentenceOf } from '../../system/failures.ts';
import { createSend, type Exchange } from '../http.ts';
import { newPrefix, times } from '../operations.ts';
import { percentile } from '../statistics.ts';
import { type SecretName, secretOf } from './filling.ts';
import type { Host } from './hosts.ts';

export type Latency = {
  readonly request: string;
  readonly count: number;
  readonly failed: number;
  /** Times are in milliseconds. */
  readonly p50: number;
  readonly p99: number;
};

const countEach = 300;
const warmUps = 30;

type Ask = Exchange & { readonly tenant: string };

/** One of the requests, with names and values by chance. */
const requestsOn = (secrets: number): Readonly<Record<string, () => Ask>> => {
  const anyone = (): SecretName => secretOf(Math.floor(Math.random() * secrets));
  const value = () => randomBytes(128).toString('hex');
  const ask = (method: string, { tenant }: SecretName, path: string, body?: object): Ask => ({
    ...{ method, tenant, path: `/v1/secrets${path}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const onSecret =
    (method: string, behind = '', body?: () => object) =>
    (): Ask => {
      const secret = anyone();
      return ask(method, secret, `/${secret.name}${behind}`, body?.());
    };
  return {
    get: onSecret('GET'),
    'get version 1': onSecret('GET', '?version=1'),
    'page of versions': onSecret('GET', '/versions'),
    'first page of 100 names': () => ask('GET', anyone(), '?limit=100'),
    'page of 100 names, anywhere': () => {
      const secret = anyone();
      return ask('GET', secret, `?limit=100&cursor=${nextCursorOf(secret.name)}`);
    },
    'page of 50 names, with details': () => {
      const secret = anyone();
      const cursor = nextCursorOf(secret.name);
      return ask('GET', secret, `?limit=50&include=details&cursor=${cursor}`);
    },
    'names that begin with five letters': () => {
      const secret = anyone();
      return ask('GET', secret, `?prefix=${secret.name.slice(0, 5)}`);
    },
    status: () => ({ method: 'GET', path: '/v1/status', tenant: anyone().tenant }),
    update: onSecret('PUT', '', () => ({ value: value() })),
    create: () => ask('POST', anyone(), '', { name: newPrefix('C'), value: value() }),
  };
};

/** Sends each kind of request 300 times. Only the updates and creates change anything. */
export const measureRequests = async (
  { urls, tokenOf }: Host,
  secrets: number,
): Promise<readonly Latency[]> => {
  const { send, close } = createSend(urls);
  const tokens = new Map<string, string>();
  const perform = async (index: number, { tenant, ...exchange }: Ask): Promise<number> => {
    const token = tokens.get(tenant) ?? (await tokenOf(tenant));
    tokens.set(tenant, token);
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const at = performance.now();
    const { status, text } = await send(index, { ...exchange, headers });
    if (status >= 300) throw new Error(`${exchange.path} answered ${status}: ${text}`);
    return performance.now() - at;
  };
  const latencies: Latency[] = [];
  for (const [request, next] of Object.entries(requestsOn(secrets))) {
    for (let index = 0; index < warmUps; index += 1) {
      await perform(index, next()).catch(() => undefined);
    }
    const taken: number[] = [];
    const failures: unknown[] = [];
    for (const index of times(countEach, (each) => each)) {
      await perform(index, next()).then(
        (ms) => taken.push(ms),
        (error: unknown) => failures.push(error),
      );
    }
    if (failures.length > 0) process.stderr.write(`${request}: ${sentenceOf(failures[0])}\n`);
    taken.sort((a, b) => a - b);
    const [p50, p99] = [percentile(taken, 0.5), percentile(taken, 0.99)];
    latencies.push({ request, count: taken.length, failed: failures.length, p50, p99 });
  }
  close();
  return latencies;
};

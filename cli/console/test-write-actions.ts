/**
 * A stream of test writes, so that a person can watch what a failure does to callers: 20 writes a second for
 * 10 minutes, on all nodes in turn, in a tenant of their own.
 */
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import type { Checkout, FindLocal } from '../requests/local-vaults.ts';
import { actionFor, answerOf } from './action-answers.ts';
import type { TestWrites } from './page-documents.ts';
import type { Action } from './server.ts';
import {
  createRates,
  outcomeOf,
  testSecretOf,
  testTenant,
  type WriteReply,
} from './test-write-rates.ts';

const writesPerSecond = 20;
const lastsMs = 600_000;
/** A write without an answer is given up after this time, so that the graph shows it soon. */
const timeLimitMs = 3_000;

const streamRequest = v.strictObject({ to: v.picklist(['start', 'stop', 'read']) });

/** A node, and the one secret that is written on it: no write has to wait for one of another node. */
type Target = { readonly url: string; readonly name: string };

type Send = (target: Target, isNew: boolean, token: string) => Promise<WriteReply>;

const sendOverHttp: Send = async ({ url, name }, isNew, token) => {
  const value = `written at ${new Date().toISOString()}`;
  try {
    const response = await fetch(`${url}/v1/secrets${isNew ? '' : `/${name}`}`, {
      method: isNew ? 'POST' : 'PUT',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(isNew ? { name, value } : { value }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeLimitMs),
    });
    const body: unknown = await response.json();
    const problem = v.safeParse(v.object({ code: v.string() }), body);
    return { status: response.status, code: problem.success ? problem.output.code : '' };
  } catch (error) {
    const { name: kind, cause } = error instanceof Error ? error : new Error();
    const code = v.safeParse(v.object({ code: v.string() }), cause);
    return { status: null, code: code.success ? code.output.code : kind };
  }
};

export type TestWritesOptions = {
  readonly findLocal: FindLocal;
  readonly newToken: Checkout['newToken'];
  readonly send?: Send;
};

/** `test-writes`: starts, stops or only reads the stream, which goes on after the page is closed. */
export const testWriteActions = (options: TestWritesOptions): ReadonlyMap<string, Action> => {
  const { findLocal, newToken, send = sendOverHttp } = options;
  const rates = createRates();
  /** Ends the stream that runs. */
  let end: (() => void) | undefined;
  /** The number of times that the stream was stopped. */
  let stops = 0;
  let lastFailure = '';

  const begin = (targets: readonly Target[], token: string): (() => void) => {
    const known = new Set<Target>();
    const write = async (target: Target): Promise<void> => {
      const isNew = !known.has(target);
      const answered = await send(target, isNew, token);
      // An earlier stream has created this secret.
      const isThere = answered.code === 'secret_exists';
      if (isThere || answered.status === 201) known.add(target);
      if (isThere) return;
      const outcome = outcomeOf(answered);
      rates.count(outcome, Date.now());
      if (outcome !== 'acknowledged') lastFailure = `${target.url}: ${answered.code}`;
    };
    let turn = 0;
    const timer = setInterval(() => {
      const target = targets[turn % targets.length];
      turn += 1;
      if (target) void write(target);
    }, 1_000 / writesPerSecond).unref();
    const limit = setTimeout(() => end?.(), lastsMs).unref();
    return () => {
      clearInterval(timer);
      clearTimeout(limit);
      end = undefined;
    };
  };
  const start = async (signal: AbortSignal): Promise<void> => {
    const before = stops;
    const local = await findLocal();
    if (local === undefined) {
      throw failure('test writes are only for a vault on this machine');
    }
    const token = await newToken(local.name, testTenant);
    // The person may have changed their mind while the token was made.
    if (signal.aborted || stops !== before) return;
    lastFailure = '';
    const targets = local.nodes.map(({ url, node }) => ({ url, name: testSecretOf(node ?? 1) }));
    end ??= begin(targets, token);
  };
  const stop = (): void => {
    stops += 1;
    end?.();
  };
  const read = (): TestWrites => {
    const now = Date.now();
    return {
      isRunning: end !== undefined,
      seconds: rates.until(now),
      newestAt: (Math.floor(now / 1_000) - 1) * 1_000,
      lastFailure,
    };
  };
  const testWrites = actionFor(streamRequest, ({ to }, signal) =>
    answerOf(async () => {
      if (to === 'start') await start(signal);
      if (to === 'stop') stop();
      return read();
    }),
  );
  return new Map([['test-writes', testWrites]]);
};

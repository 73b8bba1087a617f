/**
 * All calls of a vault to DynamoDB and KMS go through a hostile proxy in real time, while several
 * clients send requests over HTTP. The answers are compared with what a vault on the same table
 * shows afterwards without the proxy.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startAdversary } from '../support/adversary/adversary.ts';
import { canaryForms } from '../support/adversary/canaries.ts';
import { atRate } from '../support/adversary/hostility.ts';
import { realPause, startProxy } from '../support/adversary/proxy.ts';
import { intBelow, seeded } from '../support/adversary/random.ts';
import { watchCalls } from '../support/adversary/watch.ts';
import { toEndpoint } from '../support/adversary/wire.ts';
import { startDynamodb } from '../support/dynamodb.ts';
import { printFigure } from '../support/figure.ts';
import { startKms } from '../support/kms-server.ts';
import { perRun } from '../support/long.ts';
import { freshName, type Reply, type RunningVault, startVault } from '../support/running-vault.ts';
import { kmsOf, startBeside } from '../support/second-vault.ts';

const clients = 8;
const secretsOfAClient = perRun(3, 8);
/**
 * The life of a secret: the requests that are sent for it in this order, however the one before was
 * answered.
 */
const life = ['POST', 'PUT', 'PUT', 'DELETE', 'POST', 'PUT', 'PUT'] as const;
const canary = 'plaintext-canary';

describe('a vault behind a hostile network', () => {
  let quiet: RunningVault;
  let hostile: RunningVault;
  const closing: (() => Promise<void>)[] = [];
  const adversaries: ReturnType<typeof startAdversary>[] = [];
  let serves = false;
  beforeAll(async () => {
    const dynamodb = await startDynamodb();
    closing.push(dynamodb.close);
    quiet = await startVault(dynamodb.environment);
    const kms = await startKms({ folder: quiet.dataDir });
    closing.push(kms.close);
    const proxyTo = async (endpoint: string, seed: number, share: number): Promise<string> => {
      const random = seeded(seed);
      const watch = watchCalls(canaryForms(canary));
      const parts = { choose: atRate(random, share), pause: realPause, random, watch };
      const adversary = startAdversary(toEndpoint(endpoint), parts);
      adversaries.push(adversary);
      // While a host starts, it checks its table. Those calls are not made by the vault, so they
      // are not disturbed.
      const whileStarting = toEndpoint(endpoint);
      const proxy = await startProxy((call, signal) =>
        (serves ? adversary.exchange : whileStarting)(call, signal),
      );
      closing.push(proxy.close);
      return proxy.endpoint;
    };
    hostile = await startBeside(quiet, {
      AWS_ENDPOINT_URL_DYNAMODB: await proxyTo(dynamodb.endpoint, 1, 0.4),
      ...kmsOf(quiet.dataDir, await proxyTo(kms.endpoint, 2, 0.15)),
    });
    serves = true;
  });
  afterAll(async () => {
    await hostile.stop();
    await quiet.stop();
    for (const close of closing) await close();
  });

  type Told = { readonly value: string; readonly reply: Reply };
  const written = ({ reply: { status } }: Told): boolean => status < 300;
  const isUnknown = ({ reply }: Told): boolean => reply.json.code === 'outcome_unknown';

  /** Takes a secret through its life. Returns the requests and answers in order. */
  const live = async (name: string): Promise<Told[]> => {
    const token = quiet.token({ tenant: 'acme' });
    const told: Told[] = [];
    for (const method of life) {
      // A deletion has no value but a note, which is not secret.
      const value = method === 'DELETE' ? randomUUID() : `${canary} ${randomUUID()}`;
      const body = { POST: { name, value }, PUT: { value }, DELETE: { note: value } }[method];
      const path = method === 'POST' ? '/v1/secrets' : `/v1/secrets/${name}`;
      const reply = await hostile.call(method, path, { token, body });
      told.push({ value, reply });
    }
    return told;
  };

  // Shows G13.
  it('gives true answers and sends no plaintext to DynamoDB or KMS', async () => {
    const names = Array.from({ length: clients * secretsOfAClient }, () => freshName());
    const told = new Map<string, Told[]>();
    const queue = names.values();
    const client = async () => {
      for (const name of queue) told.set(name, await live(name));
    };
    await Promise.all(Array.from({ length: clients }, client));

    const token = quiet.token({ tenant: 'acme' });
    const seen = { stored: 0, refused: 0, unknown: 0 };
    for (const [name, answers] of told) {
      const path = `/v1/secrets/${name}/versions?include=values&limit=10`;
      const { json } = await quiet.call('GET', path, { token });
      const values = (json.versions ?? []).map(({ value, note }) => value ?? note);
      for (const answer of answers) {
        const effects = values.filter((value) => value === answer.value).length;
        const about = [name, answer.reply.status, answer.reply.json.code, effects];
        if (written(answer)) seen.stored += 1;
        else if (isUnknown(answer)) seen.unknown += 1;
        else seen.refused += 1;
        if (written(answer)) expect(about).toEqual([name, about[1], undefined, 1]);
        else if (isUnknown(answer)) expect(effects).toBeLessThanOrEqual(1);
        else expect(about).toEqual([name, about[1], about[2], 0]);
      }
    }
    expect(seen.stored).toBeGreaterThan(seen.refused + seen.unknown);
    const calls = adversaries.reduce((sum, { met }) => sum + met.length, 0);
    expect(adversaries.flatMap(({ violations }) => violations)).toEqual([]);
    printFigure('hostile network', `${JSON.stringify(seen)} in ${calls} calls, 0 wrong answers`);
  });

  it('creates each secret once if a request is repeated with the same key until it succeeds', async () => {
    const token = quiet.token({ tenant: 'acme' });
    const random = seeded(3);
    const live = async () => {
      const names = Array.from({ length: 1 + intBelow(random, 3) }, () => freshName());
      const content = names.map((name) => `${name}=${canary} ${name}\nX_${name}=enc(${name})\n`);
      const headers = { 'Idempotency-Key': randomUUID() };
      const call = { token, body: { content: content.join('') }, headers };
      let reply: Reply;
      let tries = 0;
      do {
        reply = await hostile.call('POST', '/v1/env/encrypt', call);
        tries += 1;
      } while (reply.status !== 200 && tries < 10);
      expect([reply.status, reply.json.created]).toMatchObject([
        200,
        names.map((name) => ({ name, version: 1 })),
      ]);
    };
    const client = async () => {
      for (let round = 0; round < perRun(3, 6); round += 1) await live();
    };
    await Promise.all(Array.from({ length: clients }, client));
  });
});

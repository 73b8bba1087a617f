/**
 * On Lambda, the functions answer and log the same bytes as test/vectors/lambda-events.json has.
 * Each function is loaded once, as at a cold start. Time passes only between events, and random
 * numbers depend only on the event. `TEST_RECORD=1 npm test -- lambda-vector` records the vector
 * anew.
 */
import crypto from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { types } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import manifest from '../../package.json' with { type: 'json' };
import { startProxy } from '../support/adversary/proxy.ts';
import type { Exchange } from '../support/adversary/wire.ts';
import { eventOf, type Fault, issuerKeys, rows, startMs, titleOf } from '../support/lambda-rows.ts';
import { createMemoryStore } from '../support/memory-dynamodb.ts';
import { createMemoryKms } from '../support/memory-kms.ts';
import { readTemplate } from '../support/template.ts';

type Handler = (
  event: APIGatewayProxyEvent,
  context: { readonly awsRequestId: string },
) => Promise<APIGatewayProxyResult>;

const file = 'test/vectors/lambda-events.json';

/** What the function answered, and the lines that it wrote meanwhile, each after its stream. */
type Played = { readonly result: APIGatewayProxyResult; readonly lines: readonly string[] };

/** Leaves out stack frames, and the version of the program. */
const lasting = (text: string): string =>
  text
    .replace(/"frames":\["at .*?"\](?=[,}])/, '"frames":["at …"]')
    .replace(`"version":"${manifest.version}"`, '"version":"…"');

/** Takes what is written to stdout and stderr until `end` is called. */
const takeLines = () => {
  const lines: string[] = [];
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      lines.push(lasting(`${stream} ${text}`));
      return true;
    }),
  );
  return { lines, end: () => spies.map((spy) => spy.mockRestore()) };
};

/** Waits for a promise while the clock stands still, so only timers of 0 ms go off. */
const settled = async <Result>(promise: Promise<Result>): Promise<Result> => {
  const open = Symbol('open');
  for (let turn = 0; turn < 100_000; turn += 1) {
    const state = await Promise.race([promise, new Promise((end) => setImmediate(end, open))]);
    if (state !== open) return promise;
    jest.advanceTimersByTime(0);
  }
  throw new Error('the function does not answer');
};

/**
 * Node makes its errors outside of Jest's sandbox, where they are instances of another `Error`. On
 * Lambda there is only one.
 */
const knowErrorsOfNode = () =>
  Object.defineProperty(Error, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown) {
      if (this === Error) return types.isNativeError(value);
      return Function.prototype[Symbol.hasInstance].call(this as typeof Error, value);
    },
  });

/** Makes the random bytes depend only on `scene`, on their number and on the calls for as many. */
const fixRandomness = () => {
  let scene = 'start';
  let calls = new Map<number, number>();
  jest.spyOn(Math, 'random').mockReturnValue(0);
  jest.spyOn(crypto, 'randomUUID').mockReturnValue('00000000-0000-4000-8000-000000000000');
  const draw = (size: number): Buffer => {
    const call = (calls.get(size) ?? 0) + 1;
    calls.set(size, call);
    return Buffer.alloc(size, crypto.hash('sha256', `${scene} ${size} ${call}`, 'buffer'));
  };
  jest.spyOn(crypto, 'randomBytes').mockImplementation(draw as typeof crypto.randomBytes);
  return (next: string) => {
    [scene, calls] = [next, new Map()];
  };
};

/** Serves the store and KMS in memory. `setFault` sets what the calls of one event meet. */
const startServices = async () => {
  const [store, kms] = [createMemoryStore(), createMemoryKms()];
  let fault: Fault | undefined;
  let callsLeft = 0;
  const exchange: Exchange = async (call) => {
    const headers = call.service === 'kms' ? { 'x-amzn-RequestId': 'id-of-kms' } : {};
    if (callsLeft > 0 && fault && [call.service, call.operation].includes(fault.of)) {
      callsLeft -= 1;
      jest.advanceTimersByTime(fault.takesMs ?? 0);
      if (fault.reply === 'broken') throw new Error('the connection breaks');
      return { ...fault.reply, headers };
    }
    if (call.operation === 'DescribeTable') return { status: 200, body: '{"Table":{}}' };
    return { ...(await (call.service === 'kms' ? kms : store).exchange(call)), headers };
  };
  const setFault = (next: Fault | undefined) => {
    fault = next;
    callsLeft = next?.calls ?? Number.POSITIVE_INFINITY;
  };
  return { ...(await startProxy(exchange)), keyArn: kms.keyArn, setFault };
};
type Services = Awaited<ReturnType<typeof startServices>>;

const setEnvironment = ({ endpoint, keyArn }: Services): void => {
  Object.assign(process.env, {
    AWS_LAMBDA_FUNCTION_NAME: 'vault-function',
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_KMS: endpoint,
    SERVICE_NAME: 'vault-stack',
    VAULT_ID: 'vault-id',
    VAULT_COMMIT: '0'.repeat(40),
    TABLE_NAME: 'vault',
    MASTER_KEY_ID: keyArn,
    AUTH_ISSUER: 'urn:vault:test',
    AUTH_AUDIENCE: 'vault',
    AUTH_JWKS: issuerKeys,
  });
};

/** Loads a function anew, as at a cold start. */
const load = (entryPoint: string): Handler => {
  let loaded: Handler | undefined;
  jest.isolateModules(() => {
    loaded = jest.requireActual<{ handler: Handler }>(resolve(entryPoint)).handler;
  });
  if (loaded === undefined) throw new Error(`${entryPoint} was not loaded`);
  return loaded;
};

/** Plays all events in order, and returns what they gave by the titles of their rows. */
const playAll = async (
  { setFault }: Services,
  setScene: (scene: string) => void,
): Promise<Readonly<Record<string, Played>>> => {
  const { routes } = await readTemplate();
  const handlers = new Map<string, Handler>();
  const played: Record<string, Played> = {};
  for (const row of rows) {
    const [route, , , fault] = row;
    const found = routes.find(({ method, path }) => `${method} ${path}` === route);
    if (found === undefined) throw new Error(`template.yaml has no ${route}`);
    const { operation, entryPoint } = found;
    setScene(operation);
    const handler = handlers.get(operation) ?? load(entryPoint);
    handlers.set(operation, handler);
    jest.advanceTimersByTime(10_000);
    setScene(titleOf(row));
    setFault(fault);
    const { lines, end } = takeLines();
    const result = await settled(handler(eventOf(row), { awsRequestId: 'id-of-lambda' }));
    end();
    played[titleOf(row)] = { result: { ...result, body: lasting(result.body) }, lines };
  }
  return played;
};

const textOf = (played: Played | undefined): string => JSON.stringify(played, null, 1);

describe('the functions on Lambda', () => {
  let played: Readonly<Record<string, Played>>;
  beforeAll(async () => {
    jest.useFakeTimers({ now: startMs, doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    knowErrorsOfNode();
    const setScene = fixRandomness();
    const services = await startServices();
    setEnvironment(services);
    played = await playAll(services, setScene).finally(services.close);
    if (process.env['TEST_RECORD']) writeFileSync(file, `${JSON.stringify(played, null, 1)}\n`);
  });
  afterAll(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });
  const recorded = (): Readonly<Record<string, Played>> => JSON.parse(readFileSync(file, 'utf8'));

  it('have a recording of exactly these events', () => {
    expect(Object.keys(recorded())).toEqual(rows.map(titleOf));
  });

  it.each(rows.map(titleOf))('answer and log as recorded: %s', (title) => {
    expect(textOf(played[title])).toBe(textOf(recorded()[title]));
  });
});

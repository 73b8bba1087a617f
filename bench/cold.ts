/**
 * `npm run bench -- cold` measures the parts of a cold start. Every function is started in fresh processes through
 * Lambda's runtime loop, in alternation, so that other load on the machine affects all of them equally.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf, toEvent } from '../local/gateway/lambda.ts';
import { openTokenKey } from '../local/identity/token-key.ts';
import { createFindRoute, type Route, readTemplate } from '../local/template.ts';
import { startServices } from '../local/vaults/standalone.ts';
import { empty, makeRuntime, makeSubjects, type Subject } from './cold-subjects.ts';
import { type Spent, startInstance } from './instance.ts';
import { shown, tableOf } from './report.ts';

const rounds = 9;

/** The measurement of one subject in one round. */
type Start = { readonly init: Spent; readonly first: Spent; readonly next: Spent };
type Requests = (operation: string) => unknown;

/** A request to each function that can be sent any number of times. */
const requestsTo = (routes: readonly Route[], token: string): Requests => {
  const findRoute = createFindRoute(routes);
  const fresh = (): string => `N_${randomUUID().replaceAll('-', '')}`;
  const file = (...lines: string[]) => ({ content: `${lines.join('\n')}\n` });
  const of: Readonly<Record<string, () => readonly [string, string, unknown?]>> = {
    'create-secret': () => ['POST', '/v1/secrets', { name: fresh(), value: 'v' }],
    'update-secret': () => ['PUT', '/v1/secrets/OLD', { value: 'v' }],
    'get-secret': () => ['GET', '/v1/secrets/OLD'],
    'list-versions': () => ['GET', '/v1/secrets/OLD/versions?limit=1&include=values'],
    'list-secrets': () => ['GET', '/v1/secrets?limit=1'],
    'submit-env': () => {
      const name = fresh();
      return ['POST', '/v1/env', file(`${name}=v`, `A=enc(${name})`, 'B=secret(OLD)')];
    },
    'encrypt-env': () => {
      const name = fresh();
      return ['POST', '/v1/env/encrypt', file(`${name}=v`, `A=enc(${name})`)];
    },
    'expand-env': () => ['POST', '/v1/env/expand', file('B=secret(OLD)')],
    'explain-secret': () => ['GET', '/v1/secrets/OLD/explain'],
    whoami: () => ['GET', '/v1/whoami'],
    'get-status': () => ['GET', '/v1/status'],
    'get-health': () => ['GET', '/health'],
  };
  return (operation) => {
    const [method = '', target = '', body] = of[operation]?.() ?? [];
    const found = findRoute(method, pathOf(target));
    if (!found || !('route' in found)) throw new Error(`no route for ${operation}`);
    const rawHeaders = ['Authorization', `Bearer ${token}`, 'Content-Type', 'application/json'];
    const sent = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const received = { method, target, rawHeaders, body: sent, sourceIp: '127.0.0.1' };
    return toEvent(received, found.route, found.pathParameters, randomUUID());
  };
};

const startOnce = async (runtime: string, subject: Subject, eventFor: Requests): Promise<Start> => {
  const { name, folder, operation } = subject;
  const instance = await startInstance(runtime, name, folder, { ...process.env, ...subject.env });
  const ask = async (): Promise<Spent> => {
    const { answer, ...spent } = await instance.invoke(operation ? eventFor(operation) : {});
    const { statusCode } = JSON.parse(answer) as { statusCode: number };
    if (statusCode >= 300) throw new Error(`${subject.label} answered ${answer}`);
    return spent;
  };
  try {
    return { init: instance.init, first: await ask(), next: await ask() };
  } finally {
    await instance.end();
  }
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Sizes and medians of each subject. The empty function comes first: its time is that of Node and the loop. */
const tableOfStarts = (starts: ReadonlyMap<Subject, readonly Start[]>): string => {
  const rows = [...starts].map(([{ label, bytes }, all]) => {
    const of = (part: keyof Start, spent: keyof Spent): string =>
      shown(median(all.map((start) => start[part][spent])));
    const times = (['init', 'first', 'next'] as const).flatMap((part) => [
      of(part, 'ms'),
      of(part, 'cpuMs'),
    ]);
    return [label, shown(bytes / 1_000), ...times];
  });
  const heads = ['function', 'kB', 'init', 'CPU', 'first request', 'CPU', 'second', 'CPU'];
  return tableOf([heads, ...rows], 1);
};

/** Measures in `folder`, which must be empty, and returns a table of medians in milliseconds. */
export const measureColdStarts = async (folder: string): Promise<string> => {
  const { routes, table } = await readTemplate('template.yaml');
  const report = (line: string): void => void process.stderr.write(`${line}\n`);
  const [data, bundles] = [join(folder, 'data'), join(folder, 'bundles')];
  mkdirSync(bundles);
  const runtime = await makeRuntime(bundles);
  const subjects = await makeSubjects(bundles);
  const services = await startServices({
    root: process.cwd(),
    folder: data,
    store: 'dynoxide',
    table,
    report,
  });
  try {
    const claims = {
      tenant: 'bench',
      sub: 'bench',
      scope: 'secrets:read secrets:write secrets:explain',
    };
    const eventFor = requestsTo(routes, await (await openTokenKey(data)).issue(claims, 3_600));
    const create = subjects.find(({ operation }) => operation === 'create-secret');
    if (create === undefined) throw new Error('the template has no create-secret');
    const maker = await startInstance(runtime, create.name, create.folder, process.env);
    const old = eventFor('create-secret') as { body: string };
    const body = Buffer.from('{"name":"OLD","value":"v"}').toString('base64');
    await maker.invoke({ ...old, body });
    await maker.end();
    const starts = new Map<Subject, Start[]>(subjects.map((subject) => [subject, []]));
    // The first round fills the caches of the machine and of the compiler, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      for (const [subject, all] of starts) {
        const start = await startOnce(runtime, subject, eventFor);
        if (round > 0) all.push(start);
      }
    }
    return `${tableOfStarts(starts)}\n${rounds} starts each; "${empty}" is Node and the loop alone.`;
  } finally {
    await services.close();
  }
};

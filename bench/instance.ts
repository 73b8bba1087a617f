/**
 * One instance of a function as Lambda starts it: a fresh process with the runtime loop of the stand-in image
 * (test/support/images/lambda), and the Runtime API from which the loop takes its work.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startProgram } from '../local/process/supervisor.ts';

export type Spent = {
  /** The elapsed wall-clock time. */
  readonly ms: number;
  /** The processor time of all threads of the process. */
  readonly cpuMs: number;
};
export type Instance = {
  /** The time from the start of the process until it asks for its first request. */
  readonly init: Spent;
  readonly invoke: (event: unknown) => Promise<Spent & { readonly answer: string }>;
  readonly end: () => Promise<void>;
};

/** Processor time in nanoseconds; none for a thread that has just ended. */
const cpuNsOf = (pid: number, thread: string): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
};

const cpuMsOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + cpuNsOf(pid, thread) / 1e6, 0);

/** The Runtime API of one instance: gives it one request at a time and takes its answer. */
const startApi = async () => {
  let next = Promise.withResolvers<ServerResponse>();
  let answered = Promise.withResolvers<string>();
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') return next.resolve(response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    response.writeHead(202).end();
    const text = Buffer.concat(chunks).toString('utf8');
    if (request.url?.endsWith('/response')) answered.resolve(text);
    else answered.reject(new Error(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => next.promise,
    hand: async (event: unknown): Promise<string> => {
      const response = await next.promise;
      next = Promise.withResolvers();
      answered = Promise.withResolvers();
      response.setHeader('lambda-runtime-aws-request-id', crypto.randomUUID());
      response.setHeader('lambda-runtime-deadline-ms', Date.now() + 15_000);
      response.end(JSON.stringify(event));
      return answered.promise;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};

/** Starts the function of this name from `folder` in a runtime loop. Throws if it does not ask for work. */
export const startInstance = async (
  runtime: string,
  name: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Instance> => {
  const api = await startApi();
  const began = performance.now();
  const child = startProgram(process.execPath, [runtime], {
    env: {
      ...env,
      AWS_LAMBDA_RUNTIME_API: api.address,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: `${name}.handler`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const ended = once(child, 'exit');
  const failed = ended.then(() => {
    throw new Error(`${name} ended: ${said}`);
  });
  failed.catch(() => undefined);
  await Promise.race([api.asked(), failed]);
  const pid = child.pid ?? 0;
  const init = { ms: performance.now() - began, cpuMs: cpuMsOf(pid) };
  return {
    init,
    invoke: async (event) => {
      const [at, cpuAt] = [performance.now(), cpuMsOf(pid)];
      const answer = await Promise.race([api.hand(event), failed]);
      return { ms: performance.now() - at, cpuMs: cpuMsOf(pid) - cpuAt, answer };
    },
    end: async () => {
      child.kill('SIGTERM');
      await ended;
      api.close();
    },
  };
};

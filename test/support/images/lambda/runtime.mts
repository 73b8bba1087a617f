/**
 * A stand-in for Lambda's Node runtime: one loop over the Runtime API
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). This file imports nothing from
 * the project, because it is copied into the image.
 */
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

type Handler = (event: unknown, context: object) => Promise<unknown>;
type Answer = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

/**
 * A pause between the output of the function and the line that ends the request. If `sam local
 * start-api` receives both at once, it misses the end and waits for a second.
 */
const flushMs = 5;
const { AWS_LAMBDA_RUNTIME_API: api = '', LAMBDA_TASK_ROOT: taskRoot = '/var/task' } = process.env;
const [host = '', port = ''] = api.split(':');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Uses `node:http` because `fetch` gives up a request that is not answered within five minutes. */
const call = (method: string, path: string, body = ''): Promise<Answer> =>
  new Promise((done, reject) => {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    };
    const options = { host, port, method, path: `/2018-06-01/runtime/${path}`, agent, headers };
    const sent = request(options, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () =>
        done({ headers: reply.headers, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

const errorOf = (error: unknown): string => {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return JSON.stringify({ errorType: name, errorMessage: message, trace: stack?.split('\n') });
};

/** `_HANDLER` has the form `file.export`. */
const loadHandler = async (): Promise<Handler> => {
  const name = process.env['_HANDLER'] ?? '';
  const dot = name.lastIndexOf('.');
  const base = resolve(taskRoot, name.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((end) => base + end).find(existsSync);
  if (file === undefined) throw new Error(`there is no module ${base}`);
  const handler = (await import(pathToFileURL(file).href))[name.slice(dot + 1)];
  if (typeof handler !== 'function') throw new Error(`${name} is no function`);
  return handler;
};

const serveOne = async (handler: Handler): Promise<void> => {
  const { headers, text } = await call('GET', 'invocation/next');
  const id = String(headers['lambda-runtime-aws-request-id']);
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId: id,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  let outcome: readonly [string, string];
  try {
    outcome = ['response', JSON.stringify((await handler(JSON.parse(text), context)) ?? null)];
  } catch (error) {
    outcome = ['error', errorOf(error)];
  }
  await sleep(flushMs);
  await call('POST', `invocation/${id}/${outcome[0]}`, outcome[1]);
};

process.on('SIGTERM', () => process.exit());
try {
  const handler = await loadHandler();
  for (;;) await serveOne(handler);
} catch (error) {
  process.stderr.write(`${errorOf(error)}\n`);
  await call('POST', 'init/error', errorOf(error)).catch(() => undefined);
  process.exitCode = 1;
}

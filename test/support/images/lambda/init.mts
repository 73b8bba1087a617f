/**
 * A stand-in for the init program that LocalStack runs in the container of a function. It receives
 * invocations from LocalStack, passes them to the runtime over Lambda's Runtime API, and returns
 * the result and the output of the function. This file imports nothing from the project, because it
 * is copied into the image. LocalStack's side of the protocol is
 * localstack/services/lambda_/invocation/executor_endpoint.py.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setImmediate as othersFirst } from 'node:timers/promises';

type Invocation = {
  readonly 'invoke-id': string;
  readonly 'invoked-function-arn': string;
  readonly 'trace-id': string;
  readonly payload: string;
};
type Running = {
  readonly invocation: Invocation;
  readonly begun: number;
  readonly timer: NodeJS.Timeout;
};

const {
  LOCALSTACK_RUNTIME_ENDPOINT: localstack = '',
  LOCALSTACK_RUNTIME_ID: id = '',
  AWS_LAMBDA_FUNCTION_TIMEOUT: timeoutS = '3',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory = '128',
  AWS_LAMBDA_FUNCTION_VERSION: version = '$LATEST',
} = process.env;
/** The port to which LocalStack sends invocations, and the port of the Runtime API. */
const [invokePort, runtimePort] = [9563, 9001];

let runtime: ChildProcess;
let isReady = false;
let printed = '';
const waiting: Invocation[] = [];
/** The runtime's open request for the next invocation. */
let asking: ServerResponse | undefined;
let running: Running | undefined;

const post = (path: string, body: string): Promise<void> =>
  new Promise((resolve) => {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    };
    // Each message gets a connection of its own. LocalStack closes connections that were idle for
    // five seconds; if this message were sent on one of them at that moment, it would be lost, and
    // LocalStack would wait fifteen minutes for the result.
    const options = { method: 'POST', headers, agent: false };
    const sent = request(`${localstack}${path}`, options, (reply) => {
      reply.resume().on('end', resolve);
    });
    // LocalStack is gone, so nobody waits for an answer.
    sent.on('error', () => process.exit(1));
    sent.end(body);
  });

const bodyOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

/** Sends LocalStack the output of an invocation, and then its result. */
const finish = async (kind: 'response' | 'error', body: string): Promise<void> => {
  if (running === undefined) return;
  const { invocation, begun, timer } = running;
  running = undefined;
  clearTimeout(timer);
  // The function has already written its output to the pipe. This lets it be read first.
  await othersFirst();
  const requestId = invocation['invoke-id'];
  const ms = performance.now() - begun;
  const report = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${ms.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(ms)} ms`,
    `Memory Size: ${memory} MB`,
  ].join('\t');
  const start = `START RequestId: ${requestId} Version: ${version}`;
  const logs = `${start}\n${printed}END RequestId: ${requestId}\n${report}\n`;
  printed = '';
  await post(`/invocations/${requestId}/logs`, JSON.stringify({ logs }));
  await post(`/invocations/${requestId}/${kind}`, body);
};

const handNext = (): void => {
  if (asking === undefined || running !== undefined) return;
  const invocation = waiting.shift();
  if (invocation === undefined) return;
  const limitMs = Number(timeoutS) * 1000;
  // The runtime cannot be interrupted in any other way, so it is killed. The handler of its exit
  // reports why.
  const timer = setTimeout(() => runtime.kill('SIGKILL'), limitMs);
  running = { invocation, begun: performance.now(), timer };
  asking.writeHead(200, {
    'Content-Type': 'application/json',
    'Lambda-Runtime-Aws-Request-Id': invocation['invoke-id'],
    'Lambda-Runtime-Deadline-Ms': String(Date.now() + limitMs),
    'Lambda-Runtime-Invoked-Function-Arn': invocation['invoked-function-arn'],
    'Lambda-Runtime-Trace-Id': invocation['trace-id'],
  });
  asking.end(invocation.payload);
  asking = undefined;
};

const answerRuntime = async (message: IncomingMessage, reply: ServerResponse): Promise<void> => {
  const body = await bodyOf(message);
  const [kind, requestId, outcome] = (message.url ?? '').split('/').slice(3);
  if (kind === 'invocation' && requestId === 'next') {
    asking = reply.once('close', () => {
      if (asking === reply) asking = undefined;
    });
    if (!isReady) await post(`/status/${id}/ready`, '{}');
    isReady = true;
    return handNext();
  }
  if (kind === 'init') await post(`/status/${id}/error`, body);
  else if (requestId === running?.invocation['invoke-id']) {
    await finish(outcome === 'response' ? 'response' : 'error', body);
  }
  reply.writeHead(202).end();
};

const startRuntime = (): void => {
  const env = { ...process.env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${runtimePort}` };
  const cwd = process.env['LAMBDA_TASK_ROOT'] ?? '/var/task';
  runtime = spawn('/var/runtime/bootstrap', { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [runtime.stdout, runtime.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      process.stdout.write(text);
    });
  }
  runtime.once('close', async (code, signal) => {
    asking = undefined;
    const how = signal === null ? `exit status ${code}` : `signal: ${signal}`;
    const late =
      running !== undefined && performance.now() - running.begun >= Number(timeoutS) * 1000;
    const error = late
      ? { errorType: 'Sandbox.Timedout', errorMessage: `Task timed out after ${timeoutS} seconds` }
      : { errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: ${how}` };
    if (isReady) {
      await finish('error', JSON.stringify(error));
      return startRuntime();
    }
    await post(`/status/${id}/error`, JSON.stringify(error));
    process.exit(1);
  });
};

/**
 * On a busy machine the runtime may take a while to ask for the next invocation. Its connection
 * must stay open meanwhile.
 */
const patient = { keepAliveTimeout: 0 };
createServer(patient, (message, reply) => void answerRuntime(message, reply)).listen(
  runtimePort,
  '127.0.0.1',
  startRuntime,
);
createServer(patient, async (message, reply) => {
  waiting.push(JSON.parse(await bodyOf(message)));
  reply.writeHead(202).end();
  handNext();
}).listen(invokePort);
process.on('SIGTERM', () => {
  runtime.kill('SIGTERM');
  process.exit();
});

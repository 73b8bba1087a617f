/**
 * Runs one function of the vault in its own thread and environment, as Lambda does in its own
 * process.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toContext } from '../../../host/gateway/lambda.ts';

const { route, entryPoint } = workerData;
const { handler } = await import(entryPoint);

parentPort?.on('message', async ({ id, event }) => {
  try {
    parentPort?.postMessage({ id, result: await handler(event, toContext(route, id)) });
  } catch (error) {
    parentPort?.postMessage({ id, error });
  }
});
parentPort?.postMessage({});

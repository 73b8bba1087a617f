/**
 * Runs one function of the vault in its own thread and environment, as Lambda does in its own
 * process.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { entryPoint } = workerData;
const { handler } = await import(entryPoint);

parentPort?.on('message', async ({ id, event }) => {
  try {
    parentPort?.postMessage({ id, result: await handler(event, { awsRequestId: id }) });
  } catch (error) {
    parentPort?.postMessage({ id, error });
  }
});
parentPort?.postMessage({});

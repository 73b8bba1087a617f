/** One function of the vault in a thread of its own, with an environment of its own: as Lambda runs it, but for the process. */
import { parentPort, workerData } from 'node:worker_threads';
import { toContext } from '../../local/gateway/event.ts';

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

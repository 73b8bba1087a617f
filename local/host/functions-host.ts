/** Runs the functions in this process, behind the local gateway. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failure, sentenceOf } from './command.ts';
import { type Gateway, startGateway } from './gateway.ts';
import type { Handler } from './invoke.ts';
import { portRefused } from './serving.ts';
import type { Route } from './template.ts';

/** Imports the functions. They read their environment at import, so it must be set before. */
const importHandlers = async (
  root: string,
  routes: readonly Route[],
): Promise<ReadonlyMap<string, Handler>> => {
  try {
    const handlers = routes.map(async ({ operation, entryPoint }): Promise<[string, Handler]> => {
      const module = await import(pathToFileURL(join(root, entryPoint)).href);
      return [operation, module.handler];
    });
    return new Map(await Promise.all(handlers));
  } catch (error) {
    // A plain Error is a function's sentence about its configuration; any other error is our bug, and is shown with its
    // stack.
    if (!(error instanceof Error) || error.name !== 'Error') throw error;
    throw failure(`the functions cannot start: ${sentenceOf(error)}`, { cause: error });
  }
};

/** Serves the functions of the template on `HOST` (default: 127.0.0.1) and `port`. Throws a sentence if it cannot. */
export const serveFunctions = async (options: {
  readonly root: string;
  readonly routes: readonly Route[];
  readonly port: number;
  readonly report: (line: string) => void;
}): Promise<Gateway> => {
  const { root, routes, port, report } = options;
  const handlers = await importHandlers(root, routes);
  const host = process.env['HOST'] || '127.0.0.1';
  try {
    return await startGateway({ routes, handlers, host, port, report });
  } catch (error) {
    throw portRefused(host, port, error);
  }
};

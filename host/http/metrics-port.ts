/**
 * `GET /metrics` on a separate port, so that a scraper need not have access to the API's port, and
 * callers of the API cannot scrape. The port exists only if `VAULT_METRICS_PORT` is set.
 */
import type { Registry } from 'prom-client';
import type { Identity } from '../../functions/http/identity.ts';
import type { Measures } from '../../functions/runtime/request-journal.ts';
import { portRefused, readPort } from '../process/ports.ts';
import { createBoundedServer, type Exchange, type Listening, listen } from './bounded-server.ts';
import { bounds } from './bounds.ts';
import { isForName, isFromPage } from './request-body.ts';

const prefix = 'VAULT_METRICS_';

type Answer = { readonly status: number; readonly type: string; readonly text: string };

const refusal = (status: number, text: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  text: `${text}\n`,
});

const answer = async ({ request }: Exchange, registry: Registry): Promise<Answer> => {
  if (isFromPage(request)) return refusal(403, 'a web page may not read the metrics');
  if (isForName(request)) return refusal(403, 'use the address of this machine, not a name');
  if (request.method !== 'GET' || request.url !== '/metrics') {
    return refusal(404, 'only GET /metrics is here');
  }
  return { status: 200, type: registry.contentType, text: await registry.metrics() };
};

/** Rejects with the system's error if the port is not available. */
const listenForScrapes = (registry: Registry, host: string, port: number): Promise<Listening> => {
  const respond = async (exchange: Exchange): Promise<void> => {
    const { request, response, holdReply, discardBody } = exchange;
    const { status, type, text } = await answer(exchange, registry).catch(() =>
      refusal(500, 'the metrics cannot be read'),
    );
    const length = Buffer.byteLength(text);
    holdReply(length);
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': length,
      ...(!request.complete && { Connection: 'close' }),
    });
    response.write(text);
    await discardBody();
    response.end();
  };
  return listen(createBoundedServer({ bounds, respond }), host, port);
};

export type HostMetrics = {
  /** Counts a request. Absent if there is no port for the metrics. */
  readonly observe: ((measures: Measures) => void) | undefined;
  /**
   * Serves the metrics, and reports the address. `addTo` can add metrics of the program. Returns a
   * function that stops it. Throws a user-facing error if the port is not available.
   */
  readonly serve: (
    report: (line: string) => void,
    addTo?: (registry: Registry) => Promise<void> | void,
  ) => Promise<() => Promise<void>>;
};

const noMetrics: HostMetrics = { observe: undefined, serve: async () => async () => undefined };

/** Makes the metrics of this process, if `VAULT_METRICS_PORT` is set. */
export const openMetrics = async (policy: Identity['state']): Promise<HostMetrics> => {
  if (!process.env[`${prefix}PORT`]) return noMetrics;
  const port = readPort(0, `${prefix}PORT`);
  const host = process.env[`${prefix}HOST`] || '127.0.0.1';
  // Imported only when needed, because the library takes 70 ms to load.
  const { createMetrics } = await import('./metrics.ts');
  const { registry, observe } = createMetrics(policy);
  return {
    observe,
    serve: async (report, addTo) => {
      await addTo?.(registry);
      try {
        const { url, close } = await listenForScrapes(registry, host, port);
        report(`metrics at ${url}/metrics`);
        return close;
      } catch (error) {
        throw portRefused(host, port, error, prefix);
      }
    },
  };
};

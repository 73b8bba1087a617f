/** How the nodes of a cluster reach its master key: by TLS, with the certificate of the cluster. */
import type { HttpHandler } from '@smithy/core/protocols';
import { times } from '../../functions/model/limits.ts';
import { createHttpHandler } from '../../functions/runtime/transport.ts';
import type { TlsFiles } from './cluster-file.ts';
import { mutualTls } from './mutual-tls.ts';

/** The `requestHandler` of a KMS client. It calls the embedded KMS at `endpoint`, whatever the client's endpoint is. */
export const createKeyTransport = (endpoint: string, tls: TlsFiles): HttpHandler => {
  const { hostname, port } = new URL(endpoint);
  const handler = createHttpHandler(times.connectMs, mutualTls(tls));
  const way = { protocol: 'https:', hostname, port: Number(port) };
  return {
    ...handler,
    handle: (request, options) => handler.handle(Object.assign(request, way), options),
  };
};

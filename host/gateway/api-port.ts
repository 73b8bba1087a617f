/**
 * The port of the API of a vault or a node, and the record by which programs on this machine find
 * it.
 */
import { X509Certificate } from 'node:crypto';
import type { Api } from '../../functions/api.ts';
import type { Log } from '../../functions/runtime/request-journal.ts';
import { isConfidential } from '../../system/address.ts';
import { sentenceOf } from '../../system/failures.ts';
import type { Listening } from '../http/bounded-server.ts';
import type { ServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { portRefused, readHost } from '../process/ports.ts';
import { type RunningVault, runningRecord } from '../process/vault-records.ts';
import { startGateway } from './gateway.ts';

const readableOnTheWay = (host: string): string =>
  `HOST is ${host} without TLS: whoever is between a caller and this port can read tokens and values. Set VAULT_TLS_CERT ` +
  'and VAULT_TLS_KEY, or let only a proxy with TLS reach this port';

/**
 * Serves the API on `HOST` (default: 127.0.0.1) and `port`, over HTTPS if there is a certificate,
 * whose changes it follows, and otherwise over HTTP. `running.json` in the folder has the address
 * and the certificate; `close` removes it. Throws a user-facing error if the port is not available.
 */
export const serveApi = async (options: {
  readonly api: Api;
  readonly port: number;
  readonly certificate: ServingCertificate | undefined;
  readonly folder: string;
  /** The content of `running.json` apart from the address and the certificate. */
  readonly running: Omit<RunningVault, 'url' | 'certificate'>;
  readonly log: Log;
  readonly report: (line: string) => void;
}): Promise<Listening> => {
  const { api, port, certificate, folder, running, log, report } = options;
  const host = readHost();
  const pair = certificate?.pair;
  const gateway = await startGateway({ api, host, port, pair }).catch((error: unknown) => {
    throw portRefused(host, port, error);
  });
  if (!isConfidential(new URL(gateway.url))) report(readableOnTheWay(host));
  // If the port listens on all addresses, programs on this machine find it at loopback.
  const url = gateway.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  const remember = (pair: ServingPair | undefined): void => {
    const leaf = pair && { certificate: new X509Certificate(pair.certificate).toString() };
    runningRecord.remember(folder, { url, ...leaf, ...running });
  };
  remember(pair);
  const unfollow = certificate?.follow(log, (renewed) => {
    gateway.renew(renewed);
    try {
      remember(renewed);
    } catch (error) {
      report(`dsvault does not find the new certificate on this machine: ${sentenceOf(error)}`);
    }
  });
  return {
    url: gateway.url,
    close: async (graceMs) => {
      await gateway.close(graceMs);
      unfollow?.();
      runningRecord.forget(folder);
    },
  };
};

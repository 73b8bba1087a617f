/**
 * The port of the API of a vault or a node, and the record by which programs on this machine find
 * it.
 */
import { X509Certificate } from 'node:crypto';
import { sentenceOf } from '../../system/failures.ts';
import type { Listening } from '../http/bounded-server.ts';
import type { ServingCertificate } from '../http/serving-certificate.ts';
import type { ServingPair } from '../http/tls.ts';
import { type RunningVault, runningRecord } from '../process/vault-records.ts';
import { serveFunctions } from './functions.ts';

/**
 * Serves the functions, over HTTPS if there is a certificate, whose changes it follows.
 * `running.json` in the folder has the address and the certificate; `close` removes it. Throws a
 * user-facing error if the port is not available.
 */
export const serveApi = async (options: {
  readonly port: number;
  readonly certificate: ServingCertificate | undefined;
  readonly folder: string;
  /** The content of `running.json` apart from the address and the certificate. */
  readonly running: Omit<RunningVault, 'url' | 'certificate'>;
  /** The status of the node that runs in this process, if there is one. */
  readonly node?: (() => object) | undefined;
  readonly report: (line: string) => void;
}): Promise<Listening> => {
  const { port, certificate, folder, running, node, report } = options;
  const gateway = await serveFunctions({ port, pair: certificate?.pair, node, report });
  // If the port listens on all addresses, programs on this machine find it at loopback.
  const url = gateway.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  const remember = (pair: ServingPair | undefined): void => {
    const leaf = pair && { certificate: new X509Certificate(pair.certificate).toString() };
    runningRecord.remember(folder, { url, ...leaf, ...running });
  };
  remember(certificate?.pair);
  const unfollow = certificate?.follow((pair) => {
    gateway.renew(pair);
    try {
      remember(pair);
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

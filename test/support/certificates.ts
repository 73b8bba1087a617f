import { openCertificates } from '../../host/http/certificates.ts';
import type { TlsFiles } from '../../host/http/tls.ts';
import { freshFolder } from './local-process.ts';

/** Makes a certificate from a new authority, valid for these hosts and for loopback. */
export const freshCertificates = (hosts: readonly string[] = []): Promise<TlsFiles> =>
  openCertificates(freshFolder(), hosts);

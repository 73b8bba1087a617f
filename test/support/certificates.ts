import { openCertificates } from '../../local/http/certificates.ts';
import type { TlsFiles } from '../../local/http/tls.ts';
import { freshFolder } from './local-process.ts';

/** A certificate from a new authority, for these hosts and for loopback. */
export const freshCertificates = (hosts: readonly string[] = []): Promise<TlsFiles> =>
  openCertificates(freshFolder(), hosts);

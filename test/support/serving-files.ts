import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsFiles } from '../../host/http/tls.ts';
import { freshCertificates } from './certificates.ts';
import { freshFolder } from './local-process.ts';

/**
 * Makes a certificate from a new authority and writes it to files. Returns it with the variables
 * that make a vault serve it, and with the file of the authority.
 */
export const servingFiles = async (): Promise<{
  readonly pair: TlsFiles;
  readonly variables: { readonly VAULT_TLS_CERT: string; readonly VAULT_TLS_KEY: string };
  readonly caFile: string;
}> => {
  const folder = freshFolder();
  const pair = await freshCertificates();
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const variables = {
    VAULT_TLS_CERT: write('cert.pem', pair.certificate),
    VAULT_TLS_KEY: write('key.pem', pair.key),
  };
  return { pair, variables, caFile: write('ca.pem', pair.ca) };
};

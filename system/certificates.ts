/** Parses certificates in PEM. */
import { X509Certificate } from 'node:crypto';

const begin = '-----BEGIN CERTIFICATE-----';

/** The certificates in a PEM text, in order. Empty if any of them is incomplete. */
export const certificatesIn = (text: string): readonly X509Certificate[] => {
  const [, ...parts] = text.split(begin);
  try {
    return parts.map((part) => new X509Certificate(`${begin}${part}`));
  } catch {
    return [];
  }
};

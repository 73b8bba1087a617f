/** Certificates in files, as programs of this checkout read them. */
import { X509Certificate } from 'node:crypto';

const begin = '-----BEGIN CERTIFICATE-----';

/** The certificates in a text of PEM, in its order; none unless all that the text begins are whole. */
export const certificatesIn = (text: string): readonly X509Certificate[] => {
  const [, ...parts] = text.split(begin);
  try {
    return parts.map((part) => new X509Certificate(`${begin}${part}`));
  } catch {
    return [];
  }
};

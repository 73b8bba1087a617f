/**
 * The certificates of a cluster. All nodes share one certificate and its key, for both ends of a
 * connection. The authority that signs it stays in the folder of `init`, so that a certificate for
 * other hosts can be issued later.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { BitString, Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
} from 'pkijs';
import * as v from 'valibot';
import { failure } from '../../system/failures.ts';
import { readFileIfPresent, replaceFile } from '../../system/files.ts';
import { type TlsFiles, tlsFiles } from './tls.ts';

/**
 * The certificate of the nodes, the hosts that it names, and the key of the authority that signed
 * it.
 */
const tlsFile = v.object({ ...tlsFiles.entries, authorityKey: v.string(), hosts: v.string() });

const algorithm = { namedCurve: 'P-256' };
const ecdsa = { name: 'ECDSA', ...algorithm };
const authorityName = 'vault cluster authority';
const validYears = 10;
/**
 * A certificate is valid from this much before its creation, because the clock of another host may
 * be behind.
 */
const clockSkewMs = 60_000;
/**
 * Every certificate of the nodes names these hosts, so that a program on a node's own host can
 * connect to it.
 */
const loopback = ['127.0.0.1', 'localhost'];

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const makeKeys = (): Keys => generateKeyPairSync('ec', algorithm);
const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const commonName = (name: string) =>
  new AttributeTypeAndValue({ type: '2.5.4.3', value: new Utf8String({ value: name }) });

/** `bits` is one byte of the keyUsage extension, whose last `unusedBits` bits are zero. */
const keyUsage = (bits: number, unusedBits: number): Extension =>
  extensionOf('2.5.29.15', new BitString({ valueHex: Uint8Array.of(bits), unusedBits }), true);

const extensionOf = (
  extnID: string,
  value: { toBER: () => ArrayBuffer },
  critical = false,
): Extension => new Extension({ extnID, critical, extnValue: value.toBER() });

const authorityExtensions = (): Extension[] => [
  extensionOf(
    '2.5.29.19',
    new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(),
    true,
  ),
  keyUsage(0b100, 2), // The key may sign certificates.
];

const nodeExtensions = (hosts: readonly string[]): Extension[] => {
  const names = hosts.map((host) =>
    isIPv4(host)
      ? new GeneralName({ type: 7, value: new OctetString({ valueHex: bytesOf(host) }) })
      : new GeneralName({ type: 2, value: host }),
  );
  const serverAndClient = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
  return [
    keyUsage(0b1000_0000, 7), // The key may sign handshakes, and nothing else.
    extensionOf('2.5.29.37', new ExtKeyUsage({ keyPurposes: serverAndClient }).toSchema()),
    extensionOf('2.5.29.17', new GeneralNames({ names }).toSchema()),
  ];
};

const bytesOf = (address: string): Uint8Array => Uint8Array.from(address.split('.').map(Number));

/**
 * Creates a certificate that says that the public key `key` belongs to `name`, signed with the
 * authority's key. Returns it as PEM.
 */
const sign = async (
  authorityKey: KeyObject,
  name: string,
  key: KeyObject,
  extensions: Extension[],
): Promise<string> => {
  const certificate = new Certificate();
  const from = new Date(Date.now() - clockSkewMs);
  const until = new Date(from);
  until.setUTCFullYear(from.getUTCFullYear() + validYears);
  certificate.version = 2; // X.509 encodes version 3 as 2.
  // The serial number is random. Its first byte is 1, which keeps the number positive.
  certificate.serialNumber = new Integer({ valueHex: Uint8Array.of(1, ...randomBytes(15)) });
  certificate.issuer.typesAndValues.push(commonName(authorityName));
  certificate.subject.typesAndValues.push(commonName(name));
  certificate.notBefore.value = from;
  certificate.notAfter.value = until;
  certificate.extensions = extensions;
  await certificate.subjectPublicKeyInfo.importKey(key.toCryptoKey(ecdsa, true, ['verify']));
  await certificate.sign(authorityKey.toCryptoKey(ecdsa, false, ['sign']), 'SHA-256');
  return new X509Certificate(Buffer.from(certificate.toSchema().toBER())).toString();
};

/**
 * Creates a certificate for the nodes, and one for their authority, that expire at the same time. A
 * renewal keeps the authority's name and key, so nodes with an earlier certificate and nodes with a
 * later one trust each other.
 */
const makeCertificates = async (
  authorityKey: string,
  hosts: readonly string[],
): Promise<TlsFiles> => {
  const authority = createPrivateKey(authorityKey);
  const ofAuthority = createPublicKey(authority);
  const { publicKey, privateKey } = makeKeys();
  const extensions = nodeExtensions([...new Set([...loopback, ...hosts])]);
  return {
    ca: await sign(authority, authorityName, ofAuthority, authorityExtensions()),
    certificate: await sign(authority, 'vault node', publicKey, extensions),
    key: pemOf(privateKey),
  };
};

const parse = (file: string, content: string): v.InferOutput<typeof tlsFile> => {
  try {
    return v.parse(tlsFile, JSON.parse(content));
  } catch {
    // No cause is attached, because the parser's message would quote the key.
    throw failure(
      `${file} is damaged: put back a copy, or make another authority with --new-authority, which all nodes then need`,
    );
  }
};

const read = (folder: string): v.InferOutput<typeof tlsFile> | undefined => {
  const file = join(folder, 'tls.json');
  const content = readFileIfPresent(file);
  return content === undefined ? undefined : parse(file, content);
};

export const hasCertificates = (folder: string): boolean => read(folder) !== undefined;

/**
 * What to renew: only the certificate, which the same authority signs, or also the authority. A new
 * authority trusts no earlier certificate.
 */
export type Renewal = 'certificate' | 'authority';

/**
 * Returns the certificate of all nodes, which names `hosts` and loopback. `tls.json` in the folder
 * has it and its authority. Nodes with an old and a new certificate of one authority trust each
 * other. Throws a user-facing error if the file is damaged, or if its certificate names other hosts
 * and no renewal is requested.
 */
export const openCertificates = async (
  folder: string,
  hosts: readonly string[],
  renewal?: Renewal,
): Promise<TlsFiles> => {
  const present = renewal === 'authority' ? undefined : read(folder);
  const wanted = [...hosts].sort().join(' ');
  if (present !== undefined && renewal === undefined) {
    if (present.hosts === wanted) return v.parse(tlsFiles, present);
    throw failure(`the certificate names the hosts ${present.hosts}: --renew makes a new one`);
  }
  const authorityKey = present?.authorityKey ?? pemOf(makeKeys().privateKey);
  const made = await makeCertificates(authorityKey, hosts);
  const kept: v.InferOutput<typeof tlsFile> = { ...made, authorityKey, hosts: wanted };
  replaceFile(join(folder, 'tls.json'), JSON.stringify(kept));
  return made;
};

/**
 * The certificate that clients see: the files of `VAULT_TLS_CERT` and `VAULT_TLS_KEY`, which are
 * read again while the program runs. A certificate and a key that do not belong together are never
 * served, so the two files may be replaced in any order. An expired certificate is served, with a
 * line in the log, because a node must not fail over it. But it does not replace one that is still
 * valid.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Level } from '../../functions/runtime/log-line.ts';
import type { Log } from '../../functions/runtime/request-journal.ts';
import { certificatesIn } from '../../system/certificates.ts';
import { codeOf, misconfigured, sentenceOf } from '../../system/failures.ts';
import { logCertificate } from '../process/host-log.ts';
import { readSmallFile } from '../process/small-file.ts';
import { certificateTimes } from './bounds.ts';
import { type ServingPair, serverTls } from './tls.ts';

const variables = { certificate: 'VAULT_TLS_CERT', key: 'VAULT_TLS_KEY' } as const;
type Files = { readonly [file in keyof typeof variables]: string };

/** What a check of a file found: its text, or why it cannot be read. */
type FileLook = { readonly text: string; readonly mode: number; readonly error?: unknown };
type Look = { readonly [file in keyof Files]: FileLook };

export type ServingCertificate = {
  /** The certificate and key that were in the files when the program started. */
  readonly pair: ServingPair;
  /**
   * Logs the certificate, now and when it changes. From then on it calls `use`, which must not
   * throw, with each new pair. Returns a function that stops it.
   */
  readonly follow: (log: Log, use: (pair: ServingPair) => void) => () => void;
};

/**
 * Reads the certificate that the environment names; `undefined` if it names none. Throws a
 * user-facing error, which quotes nothing from the files, if only one of the variables is set, or
 * if the files cannot be served as a pair.
 */
export const openServingCertificate = (
  environment: NodeJS.ProcessEnv,
): ServingCertificate | undefined => {
  const { [variables.certificate]: certificate, [variables.key]: key } = environment;
  if (!certificate && !key) return undefined;
  if (!certificate)
    throw misconfigured(
      `${variables.key} is set without ${variables.certificate}: set both or neither`,
    );
  if (!key)
    throw misconfigured(
      `${variables.certificate} is set without ${variables.key}: set both or neither`,
    );
  const files = { certificate, key };
  const look = lookAt(files);
  const pair = pairIn(files, look);
  return { pair, follow: (log, use) => follow(files, look, pair, log, use) };
};

const follow = (
  files: Files,
  first: Look,
  pair: ServingPair,
  log: Log,
  use: (pair: ServingPair) => void,
): (() => void) => {
  let [last, decided] = [first, first];
  let inUse = factsOf(pair);
  /**
   * The certificate and key in the files, if they are not served because they have expired and the
   * ones in use have not.
   */
  let expired: ServingPair | undefined;
  let told: { readonly fault: string | null; readonly atMs: number } | undefined;
  const logAs = (level: Level, fault: string | null): void => {
    const { serial, endsAt } = inUse;
    logCertificate(log, level, { serial, endsAt, fault });
  };
  /**
   * Logs a new certificate, and once a day that the one in use is about to expire, has expired or
   * is not valid yet.
   */
  const tell = (): void => {
    const now = Date.now();
    const { level, fault } = ageOf(files, inUse, now);
    const isQuiet = fault === null || now - (told?.atMs ?? 0) < certificateTimes.warnEveryMs;
    if (told?.fault === fault && isQuiet) return;
    told = { fault, atMs: now };
    logAs(level, fault);
  };
  /**
   * Returns the pair of the latest check. If it cannot be served, logs why and returns `undefined`.
   */
  const tryPair = (): ServingPair | undefined => {
    try {
      return pairIn(files, last);
    } catch (error) {
      logAs('WARN', `${sentenceOf(error)}; ${staysInUse}`);
      return undefined;
    }
  };
  const serve = (other: ServingPair): void => {
    use(other);
    inUse = factsOf(other);
    told = undefined;
  };
  const decide = (other: ServingPair, now: number): void => {
    if (hasEnded(factsOf(other), now) && isValid(inUse, now)) {
      expired = other;
      logAs('WARN', `the certificate in ${files.certificate} has expired; ${staysInUse}`);
    } else serve(other);
  };
  const lookAgain = (): void => {
    const before = last;
    last = lookAt(files);
    const now = Date.now();
    if (!isSame(last, decided) && isSame(last, before)) {
      [decided, expired] = [last, undefined];
      const other = tryPair();
      if (other !== undefined) decide(other, now);
    } else if (expired !== undefined && !isValid(inUse, now)) {
      serve(expired);
      expired = undefined;
    }
    tell();
  };
  tell();
  const timer = setInterval(lookAgain, certificateTimes.lookEveryMs).unref();
  return () => clearInterval(timer);
};

const staysInUse = 'the certificate before it stays in use';

/** What the log says about a certificate. The times are in ISO 8601. */
type Facts = { readonly serial: string; readonly startsAt: string; readonly endsAt: string };

const factsOf = ({ certificate }: ServingPair): Facts => {
  const { serialNumber: serial, validFrom, validTo } = new X509Certificate(certificate);
  const [startsAt = '', endsAt = ''] = [validFrom, validTo].map((text) =>
    new Date(text).toISOString(),
  );
  return { serial, startsAt, endsAt };
};

const hasEnded = ({ endsAt }: Facts, now: number): boolean => Date.parse(endsAt) <= now;
const isValid = (facts: Facts, now: number): boolean =>
  Date.parse(facts.startsAt) <= now && !hasEnded(facts, now);

const ageOf = (
  { certificate: file }: Files,
  facts: Facts,
  now: number,
): { readonly level: Level; readonly fault: string | null } => {
  const { startsAt, endsAt } = facts;
  if (hasEnded(facts, now)) {
    return { level: 'ERROR', fault: `the certificate in ${file} has expired: clients refuse it` };
  }
  if (Date.parse(startsAt) > now) {
    return {
      level: 'ERROR',
      fault: `the certificate in ${file} is valid only from ${startsAt} on`,
    };
  }
  return Date.parse(endsAt) - now < certificateTimes.warnBeforeMs
    ? { level: 'WARN', fault: `the certificate in ${file} ends at ${endsAt}: renew it` }
    : { level: 'INFO', fault: null };
};

const lookAt = ({ certificate, key }: Files): Look => ({
  certificate: lookAtFile(certificate),
  key: lookAtFile(key),
});

const lookAtFile = (file: string): FileLook => {
  try {
    const { status, bytes } = readSmallFile(file);
    return { text: bytes.toString('utf8'), mode: Number(status.mode) };
  } catch (error) {
    return { text: codeOf(error) ?? sentenceOf(error), mode: 0, error };
  }
};

/**
 * Whether two checks found the same certificate, key and mode of the key file. The mode matters,
 * because changing it may cause or end a fault.
 */
const isSame = (one: Look, other: Look): boolean =>
  one.certificate.text === other.certificate.text &&
  one.key.text === other.key.text &&
  one.key.mode === other.key.mode;

/**
 * The bits of a mode with which others may read or write the key, or a group may write it. A group
 * may read it, because root may own the key and the vault's group read it.
 */
const modeTooWide = 0o026;

/** Returns the pair in the files. Throws a user-facing error unless it can be served. */
const pairIn = (files: Files, look: Look): ServingPair => {
  const refuse = (file: keyof Files, what: string): Error =>
    misconfigured(`${variables[file]} names ${files[file]}, which ${what}`);
  for (const file of ['certificate', 'key'] as const) {
    const { error, text } = look[file];
    if (error !== undefined)
      throw refuse(file, `cannot be read (${text}): name a file that this user can read`);
  }
  const { certificate, key } = { certificate: look.certificate.text, key: look.key.text };
  const [leaf] = certificatesIn(certificate);
  if (leaf === undefined)
    throw refuse(
      'certificate',
      'does not contain a complete certificate in PEM: name a file with the whole chain',
    );
  if (look.key.mode & modeTooWide) {
    const mode = (look.key.mode & 0o777).toString(8);
    throw refuse(
      'key',
      `others than its owner and a group may read or write it (${mode}): chmod 640 it`,
    );
  }
  const privateKey = privateKeyIn(key);
  if (privateKey === 'encrypted') throw refuse('key', 'is encrypted: keep it without a passphrase');
  if (privateKey === undefined)
    throw refuse('key', 'does not contain a complete private key in PEM: name the file of the key');
  if (!leaf.checkPrivateKey(privateKey)) {
    throw refuse(
      'key',
      `is not the key of the first certificate in ${files.certificate}: name two files that belong together`,
    );
  }
  try {
    createSecureContext(serverTls({ certificate, key }));
  } catch (error) {
    throw refuse('certificate', `cannot be used for TLS (${codeOf(error)})`);
  }
  return { certificate, key };
};

/**
 * Returns the private key in this text, `encrypted` if the key needs a passphrase, or `undefined`
 * if the text is not a key. No details are returned, because no message may quote such a text.
 */
const privateKeyIn = (text: string): KeyObject | 'encrypted' | undefined => {
  try {
    return createPrivateKey(text);
  } catch {
    return text.includes('ENCRYPTED') ? 'encrypted' : undefined;
  }
};

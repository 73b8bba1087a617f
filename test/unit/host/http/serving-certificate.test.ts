/** The files of `VAULT_TLS_CERT` and `VAULT_TLS_KEY`, at start and while the vault serves. */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Integer } from 'asn1js';
import { Certificate } from 'pkijs';
import { startGateway } from '../../../../host/gateway/gateway.ts';
import {
  openServingCertificate,
  type ServingCertificate,
} from '../../../../host/http/serving-certificate.ts';
import type { ServingPair, TlsFiles } from '../../../../host/http/tls.ts';
import { apiOf, replyOf } from '../../../support/api-of.ts';
import { freshCertificates } from '../../../support/certificates.ts';
import { createKeptLog, type KeptLog } from '../../../support/kept-log.ts';
import { freshFolder } from '../../../support/local-process.ts';

const dayMs = 86_400_000;
let [one, two]: TlsFiles[] = [];
let file: { readonly certificate: string; readonly key: string };
let variables: NodeJS.ProcessEnv;

/** A key that is too short for TLS, and its certificate. */
const weakPair = async (): Promise<ServingPair> => {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 512,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: 'SHA-256',
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = new Certificate();
  made.serialNumber = new Integer({ value: 1 });
  made.notBefore.value = new Date();
  made.notAfter.value = new Date(Date.now() + 30 * dayMs);
  await made.subjectPublicKeyInfo.importKey(keys.publicKey);
  await made.sign(keys.privateKey, 'SHA-256');
  const bytes = Buffer.from(made.toSchema().toBER());
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    certificate: new X509Certificate(bytes).toString(),
    key: `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
  };
};

const write = ({ certificate, key }: Partial<ServingPair>, mode = 0o600): void => {
  if (certificate !== undefined) writeFileSync(file.certificate, certificate);
  if (key === undefined) return;
  writeFileSync(file.key, key);
  chmodSync(file.key, mode);
};
const open = () => openServingCertificate(variables);
const encrypted = (key: string): string =>
  createPrivateKey(key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString();
const half = (text: string): string => text.slice(0, text.length / 2);
const serialOf = ({ certificate }: ServingPair) => new X509Certificate(certificate).serialNumber;

beforeAll(async () => {
  [one, two] = [await freshCertificates(), await freshCertificates()];
});
beforeEach(() => {
  const folder = freshFolder();
  file = { certificate: join(folder, 'tls.pem'), key: join(folder, 'tls.key') };
  variables = { VAULT_TLS_CERT: file.certificate, VAULT_TLS_KEY: file.key };
  write(one as TlsFiles);
});

describe('a vault that starts', () => {
  it('serves HTTP if VAULT_TLS_CERT and VAULT_TLS_KEY are empty', () => {
    expect(openServingCertificate({ VAULT_TLS_CERT: '', VAULT_TLS_KEY: '' })).toBeUndefined();
  });

  it.each([
    ['its owner', 0o400],
    ['its owner, who may write it', 0o600],
    ['a group', 0o640],
  ])('accepts a certificate with its chain if the key can be read by %s', (_, mode) => {
    const { ca, certificate, key } = one as TlsFiles;
    write({ certificate: `# leaf\n${certificate}\n${ca}`, key }, mode);
    expect(open()?.pair).toEqual({ certificate: `# leaf\n${certificate}\n${ca}`, key });
  });

  const inCertificate = (what: string) => `VAULT_TLS_CERT names {certificate}, which ${what}`;
  const inKey = (what: string) => `VAULT_TLS_KEY names {key}, which ${what}`;
  const noCertificate = inCertificate(
    'does not contain a complete certificate in PEM: name a file with the whole chain',
  );
  const noKey = inKey('does not contain a complete private key in PEM: name the file of the key');
  const otherKey = inKey(
    'is not the key of the first certificate in {certificate}: name two files that belong together',
  );
  const wide = (mode: string) =>
    inKey(`others than its owner and a group may read or write it (${mode}): chmod 640 it`);
  const faults: readonly (readonly [what: string, make: () => unknown, sentence: string])[] = [
    [
      'a certificate without a key',
      () => delete variables['VAULT_TLS_KEY'],
      'VAULT_TLS_CERT is set without VAULT_TLS_KEY: set both or neither',
    ],
    [
      'a key without a certificate',
      () => delete variables['VAULT_TLS_CERT'],
      'VAULT_TLS_KEY is set without VAULT_TLS_CERT: set both or neither',
    ],
    [
      'a missing certificate',
      () => rmSync(file.certificate),
      inCertificate('cannot be read (ENOENT): name a file that this user can read'),
    ],
    [
      'a missing key',
      () => rmSync(file.key),
      inKey('cannot be read (ENOENT): name a file that this user can read'),
    ],
    [
      'a folder in place of a key',
      () => {
        rmSync(file.key);
        mkdirSync(file.key);
      },
      inKey('cannot be read (it is a directory): name a file that this user can read'),
    ],
    [
      'a pipe in place of a certificate',
      () => {
        rmSync(file.certificate);
        execFileSync('mkfifo', [file.certificate]);
      },
      inCertificate('cannot be read (it is a pipe): name a file that this user can read'),
    ],
    ['an empty certificate', () => write({ certificate: '' }), noCertificate],
    [
      'a half certificate',
      () => write({ certificate: half(one?.certificate ?? '') }),
      noCertificate,
    ],
    [
      'a half chain',
      () => write({ certificate: `${one?.certificate}${half(one?.ca ?? '')}` }),
      noCertificate,
    ],
    [
      'a key in place of a certificate',
      () => write({ certificate: one?.key ?? '' }),
      noCertificate,
    ],
    [
      'a chain that begins with the authority',
      () => write({ certificate: `${one?.ca}${one?.certificate}` }),
      otherKey,
    ],
    ['an empty key', () => write({ key: '' }), noKey],
    ['a half key', () => write({ key: half(one?.key ?? '') }), noKey],
    ['a certificate in place of a key', () => write({ key: one?.certificate ?? '' }), noKey],
    [
      'an encrypted key',
      () => write({ key: encrypted(one?.key ?? '') }),
      inKey('is encrypted: keep it without a passphrase'),
    ],
    ['the key of another certificate', () => write({ key: two?.key ?? '' }), otherKey],
    ['a key that others may read', () => chmodSync(file.key, 0o604), wide('604')],
    ['a key that others may write', () => chmodSync(file.key, 0o602), wide('602')],
    ['a key that a group may write', () => chmodSync(file.key, 0o660), wide('660')],
    [
      'a key that is too short',
      async () => write(await weakPair()),
      inCertificate('cannot be used for TLS (ERR_SSL_EE_KEY_TOO_SMALL)'),
    ],
  ];
  it.each(faults)(
    'refuses %s, and names the file without quoting it',
    async (_, make, sentence) => {
      await make();
      const named = sentence
        .replaceAll('{certificate}', file.certificate)
        .replaceAll('{key}', file.key);
      expect(open).toThrow(expect.objectContaining({ name: 'Failure', message: named }));
    },
  );
});

describe('the certificate of a running vault', () => {
  let followed: ServingCertificate | undefined;
  let close: (() => void)[];
  let kept: KeptLog;
  const logged = () =>
    kept.taken().map(({ level, message, serial, endsAt, fault }) => {
      expect([message, new Date(String(endsAt)).toISOString()]).toEqual(['certificate', endsAt]);
      return { level, serial, fault };
    });
  const look = (times = 1) => jest.advanceTimersByTime(times * 10_000);
  /** Follows the files. The result collects the pairs that are taken into use. */
  const follow = (): ServingPair[] => {
    const taken: ServingPair[] = [];
    followed = open();
    close.push(followed?.follow(kept, (pair) => taken.push(pair)) ?? (() => undefined));
    return taken;
  };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    [close, kept] = [[], createKeptLog()];
  });
  afterEach(async () => {
    for (const end of close) end();
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('is logged at the start, and not again while the files stay the same', () => {
    const taken = follow();
    expect(logged()).toEqual([{ level: 'INFO', serial: serialOf(one as TlsFiles), fault: null }]);
    look(10);
    expect([taken, logged()]).toEqual([[], []]);
  });

  it.each([
    ['certificate', 'key'],
    ['key', 'certificate'],
  ] as const)('is replaced once both files are new, if the %s came first', (first, second) => {
    const taken = follow();
    logged();
    write({ [first]: two?.[first] });
    look(2);
    expect(logged()).toMatchObject([
      {
        ...{ level: 'WARN', serial: serialOf(one as TlsFiles) },
        fault: expect.stringMatching(
          /is not the key of the first certificate in .*; the certificate before it stays in use$/,
        ),
      },
    ]);
    look(10);
    expect([taken, logged()]).toEqual([[], []]);
    write({ [second]: two?.[second] });
    look();
    expect(taken).toEqual([]);
    look();
    expect(taken).toEqual([{ certificate: two?.certificate, key: two?.key }]);
    expect(logged()).toEqual([{ level: 'INFO', serial: serialOf(two as TlsFiles), fault: null }]);
  });

  it('is not replaced while the files are still changing', () => {
    const taken = follow();
    logged();
    for (let length = 1; length < 8; length += 1) {
      write({ ...two, certificate: `${two?.certificate}${'\n'.repeat(length)}` });
      look();
    }
    expect([taken, logged()]).toEqual([[], []]);
  });

  it('stays in use if the files are bad, with one WARN for each bad content and one INFO when they are good again', () => {
    const taken = follow();
    logged();
    const bad: readonly (() => void)[] = [
      () => write({ certificate: half(two?.certificate ?? '') }),
      () => write({ certificate: half(two?.ca ?? '') }),
      () => rmSync(file.certificate),
      () => write({ ...one, key: one?.key ?? '' }, 0o644),
    ];
    for (const spoil of bad) {
      spoil();
      look(10);
      expect(logged()).toMatchObject([{ level: 'WARN', serial: serialOf(one as TlsFiles) }]);
    }
    expect(taken).toEqual([]);
    chmodSync(file.key, 0o640);
    look(10);
    expect(logged()).toEqual([{ level: 'INFO', serial: serialOf(one as TlsFiles), fault: null }]);
  });

  it('is replaced even if the files changed between the first read and the first check', () => {
    followed = open();
    write(two as TlsFiles);
    const taken: ServingPair[] = [];
    close.push(followed?.follow(kept, (pair) => taken.push(pair)) ?? (() => undefined));
    look(2);
    expect(taken).toHaveLength(1);
  });

  it('causes a WARN once a day from 14 days before its end, and an ERROR once a day after it', () => {
    const { validFromDate, validToDate } = new X509Certificate(one?.certificate ?? '');
    const fromEnd = (ms: number) => jest.setSystemTime(validToDate.getTime() + ms);
    const levels = () => logged().map(({ level }) => level);
    fromEnd(-14 * dayMs - 15_000);
    follow();
    look();
    expect(levels()).toEqual(['INFO']);
    look();
    expect(logged()).toMatchObject([
      {
        level: 'WARN',
        fault: `the certificate in ${file.certificate} ends at ${validToDate.toISOString()}: renew it`,
      },
    ]);
    jest.advanceTimersByTime(3 * dayMs);
    expect(levels()).toEqual(['WARN', 'WARN', 'WARN']);
    fromEnd(-15_000);
    look();
    levels();
    look();
    expect(logged()).toMatchObject([
      {
        level: 'ERROR',
        fault: `the certificate in ${file.certificate} has expired: clients refuse it`,
      },
    ]);
    jest.advanceTimersByTime(2 * dayMs);
    expect(levels()).toEqual(['ERROR', 'ERROR']);
    jest.setSystemTime(validFromDate.getTime() - dayMs);
    look();
    expect(logged()).toMatchObject([
      { level: 'ERROR', fault: expect.stringContaining('is valid only from') },
    ]);
  });

  describe('when the files hold an expired certificate', () => {
    /** A certificate that expires a year before the others, and a time between the two. */
    let short: TlsFiles;
    let between: number;
    const fault = expect.stringMatching(/ has expired; the certificate before it stays in use$/);
    beforeEach(async () => {
      const end = new X509Certificate(one?.certificate ?? '').validToDate.getTime();
      jest.setSystemTime(Date.now() - 366 * dayMs);
      short = await freshCertificates();
      between = end - 100 * dayMs;
      jest.setSystemTime(between);
    });

    it('stays in use while it is valid, with one WARN, and is replaced once it has expired too', () => {
      const taken = follow();
      logged();
      write(short);
      look(2);
      expect(logged()).toEqual([{ level: 'WARN', serial: serialOf(one as TlsFiles), fault }]);
      look(10);
      expect([taken, logged()]).toEqual([[], []]);
      jest.setSystemTime(new X509Certificate(one?.certificate ?? '').validToDate);
      look();
      expect(taken).toEqual([{ certificate: short.certificate, key: short.key }]);
      expect(logged()).toMatchObject([{ level: 'ERROR', serial: serialOf(short) }]);
      look(10);
      expect(taken).toHaveLength(1);
    });

    it('is replaced by newer files, and never again by the expired ones', () => {
      const taken = follow();
      for (const pair of [short, two as TlsFiles]) {
        write(pair);
        look(2);
      }
      write({ key: '' });
      look(2);
      jest.setSystemTime(new X509Certificate(two?.certificate ?? '').validToDate);
      look(2);
      expect(taken).toEqual([{ certificate: two?.certificate, key: two?.key }]);
    });

    it.each([
      ['has expired, too', -5 * 366],
      ['is not valid yet', 366],
    ])('is replaced by the expired one if the one in use %s', async (_, madeAfterDays) => {
      jest.setSystemTime(between + madeAfterDays * dayMs);
      write(await freshCertificates());
      jest.setSystemTime(between + (madeAfterDays < 0 ? 6 * 366 * dayMs : 0));
      const taken = follow();
      write(short);
      look(2);
      expect(taken.map(serialOf)).toEqual([serialOf(short)]);
    });
  });

  it('is served even if it has expired, with an ERROR at the start', () => {
    jest.setSystemTime(new X509Certificate(one?.certificate ?? '').validToDate);
    follow();
    expect(followed?.pair.certificate).toBe(one?.certificate);
    expect(logged()).toMatchObject([{ level: 'ERROR' }]);
  });

  it('changes for new connections only, and existing connections continue', async () => {
    followed = open();
    const gateway = await startGateway({
      api: apiOf([], () => async () => replyOf(''), { report: () => undefined }),
      ...{ host: '127.0.0.1', port: 0, pair: followed?.pair },
    });
    close.push(
      followed?.follow(kept, gateway.renew) ?? (() => undefined),
      () => void gateway.close(),
    );
    expect(gateway.url).toMatch(/^https:/);
    const connectionTo = async (pair: TlsFiles | undefined): Promise<TLSSocket> => {
      const port = Number(new URL(gateway.url).port);
      const socket = connect({ host: '127.0.0.1', port, ca: pair?.ca });
      await once(socket, 'secureConnect');
      close.push(() => void socket.destroy());
      return socket;
    };
    const isAnswered = async (socket: TLSSocket) => {
      socket.write('GET / HTTP/1.1\r\nHost: v\r\n\r\n');
      return String(await once(socket, 'data')).startsWith('HTTP/1.1 404');
    };
    const before = await connectionTo(one);
    write(two as TlsFiles);
    look(2);
    const after = await connectionTo(two);
    expect([await isAnswered(before), await isAnswered(after)]).toEqual([true, true]);
  });
});

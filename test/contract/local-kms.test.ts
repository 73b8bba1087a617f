import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GenerateDataKeyCommand,
  KMSClient,
  type KMSClientConfig,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { openJournal } from '../../functions/runtime/journal.ts';
import type { DataKeys } from '../../functions/vault/ports.ts';
import { createTransport } from '../../local/host/in-process.ts';
import { type Kms, masterKeyFile, startKms } from '../../local/kms/server.ts';
import { freshFolder } from '../support/local-process.ts';
import { requestContext, someone } from '../support/requests.ts';
import { countAnswered, openSocket } from '../support/sockets.ts';

type Credentials = Kms['credentials'];
type Context = Record<string, string>;

const region = 'us-east-1';
const ownContext = { tenant: 't1', name: 'DB_PASSWORD' };
let folder: string;
let kms: Kms;
let client: KMSClient;
let closers: (() => Promise<void> | void)[];

const clientOf = (to: Kms, credentials: Credentials = to.credentials): KMSClient => {
  const made = new KMSClient({
    ...reach(to),
    region,
    // The client writes into this object, so give it a copy.
    credentials: { ...credentials },
    maxAttempts: 1,
  });
  closers.push(() => made.destroy());
  return made;
};
/** The transport of a client to the KMS: HTTP unless a suite sets another. */
let reach: (to: Kms) => Partial<KMSClientConfig>;
const overHttp: typeof reach = ({ endpoint }) => ({ endpoint });
const inProcess: typeof reach = ({ answer }) => ({
  endpoint: 'http://in-process',
  requestHandler: createTransport(answer),
});
const start = async (): Promise<void> => {
  kms = await startKms({ folder });
  closers.push(kms.close);
  client = clientOf(kms);
};
const stop = async (): Promise<void> => {
  for (const close of closers.splice(0).reverse()) await close();
};
const generate = async (from: KMSClient = client, EncryptionContext: Context = ownContext) => {
  const KeyId = kms.keyArn;
  const output = await from.send(
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
  );
  const { Plaintext, CiphertextBlob } = output;
  if (Plaintext === undefined || CiphertextBlob === undefined) throw new Error('no data key');
  return { Plaintext, CiphertextBlob, keyArn: output.KeyId };
};
const decrypt = async (CiphertextBlob: Uint8Array, EncryptionContext: Context = ownContext) =>
  (await client.send(new DecryptCommand({ KeyId: kms.keyArn, CiphertextBlob, EncryptionContext })))
    .Plaintext;

/** The name of the error with which a call is refused. */
const refusalOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'no refusal',
    ({ name }) => name,
  );

/** The embedded KMS in this process, and the ids that it gives to calls. */
const noting = (to: Kms) => {
  const ids: string[] = [];
  const transport = createTransport(to.answer);
  const { handle } = transport;
  transport.handle = async (request, options) => {
    const answered = await handle(request, options);
    ids.push(answered.response.headers['x-amzn-requestid'] ?? '');
    return answered;
  };
  return { ids, transport };
};

beforeEach(async () => {
  folder = freshFolder();
  closers = [];
  reach = overHttp;
  await start();
});
afterEach(stop);

describe.each([
  ['over HTTP', overHttp],
  ['in process', inProcess],
])('the embedded KMS, through the unchanged KMS client %s', (_, way) => {
  beforeEach(() => {
    reach = way;
    client = clientOf(kms);
  });

  it('decrypts the data key that it wrapped', async () => {
    const { Plaintext, CiphertextBlob, keyArn } = await generate();
    expect(Plaintext).toHaveLength(32);
    expect(keyArn).toBe(kms.keyArn);
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
    expect(Buffer.from(CiphertextBlob).includes(Buffer.from(Plaintext))).toBe(false);
  });

  it('makes every data key and every blob only once', async () => {
    const [one, other] = [await generate(), await generate()];
    expect(one.Plaintext).not.toEqual(other.Plaintext);
    expect(one.CiphertextBlob).not.toEqual(other.CiphertextBlob);
  });

  it('accepts its master key by id, ARN and alias, and answers with the ARN', async () => {
    const id = kms.keyArn.split('/')[1];
    const aliasArn = kms.keyArn.replace(/key\/.*/, 'alias/vault');
    for (const KeyId of [id, kms.keyArn, 'alias/vault', aliasArn]) {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ Arn: kms.keyArn, KeyId: id, KeyState: 'Enabled' });
    }
    expect(kms.keyArn).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f-]{36}$/);
  });

  it.each<[string, Context]>([
    ['with a letter moved from name to value', { tenan: 'tt1', name: 'DB_PASSWORD' }],
    ['with a letter moved between two names', { tenant: 't1n', ame: 'DB_PASSWORD' }],
    ['with the two values exchanged', { tenant: 'DB_PASSWORD', name: 't1' }],
    ['of another tenant', { tenant: 't2', name: 'DB_PASSWORD' }],
    ['with one more entry', { ...ownContext, version: '1' }],
    ['with one more empty entry', { ...ownContext, '': '' }],
    ['with one entry fewer', { tenant: 't1' }],
    ['without entries', {}],
  ])('refuses to decrypt under an encryption context %s', async (_, other) => {
    const { CiphertextBlob } = await generate();
    expect(await refusalOf(decrypt(CiphertextBlob, other))).toBe('InvalidCiphertextException');
    const back = await generate(client, other);
    expect(await refusalOf(decrypt(back.CiphertextBlob))).toBe('InvalidCiphertextException');
  });

  it('accepts the entries of an encryption context in any order', async () => {
    const { CiphertextBlob, Plaintext } = await generate(client, { a: '1', b: '2' });
    expect(await decrypt(CiphertextBlob, { b: '2', a: '1' })).toEqual(Plaintext);
  });

  it('refuses a context with text that UTF-8 cannot encode', async () => {
    expect(await refusalOf(generate(client, { tenant: '\ud800', name: 'X' }))).toBe(
      'ValidationException',
    );
  });

  it('refuses a blob with any byte changed, removed or added', async () => {
    const { CiphertextBlob } = await generate();
    const altered = [...CiphertextBlob.keys()].map((index) => {
      const bytes = Uint8Array.from(CiphertextBlob);
      bytes[index] = (bytes[index] ?? 0) ^ (1 << (index % 8));
      return bytes;
    });
    altered.push(CiphertextBlob.slice(0, -1), Uint8Array.of(...CiphertextBlob, 0));
    // The layout and key id alone; then also IV and tag, without a data key.
    for (const length of [1, 17, 45]) altered.push(CiphertextBlob.slice(0, length));
    for (const [index, blob] of altered.entries()) {
      const isKeyId = index >= 1 && index <= 16;
      expect(await refusalOf(decrypt(blob))).toBe(
        isKeyId ? 'IncorrectKeyException' : 'InvalidCiphertextException',
      );
    }
  });

  it('answers IncorrectKeyException for a blob of another vault', async () => {
    const other = await startKms({ folder: freshFolder() });
    closers.push(other.close);
    const { CiphertextBlob } = await clientOf(other).send(
      new GenerateDataKeyCommand({ KeyId: 'alias/vault', KeySpec: 'AES_256' }),
    );
    expect(await refusalOf(decrypt(CiphertextBlob ?? new Uint8Array(), {}))).toBe(
      'IncorrectKeyException',
    );
    // Without a named key, KMS looks for the blob's own key, and does not have it.
    expect(await refusalOf(client.send(new DecryptCommand({ CiphertextBlob })))).toBe(
      'InvalidCiphertextException',
    );
  });

  it('answers InvalidCiphertextException after its key material was replaced', async () => {
    const { CiphertextBlob } = await generate();
    await stop();
    const file = masterKeyFile(folder);
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(file, JSON.stringify({ ...stored, keyMaterial }));
    await start();
    expect(await refusalOf(decrypt(CiphertextBlob))).toBe('InvalidCiphertextException');
  });

  it('refuses to use a disabled key, also after a restart, until it is enabled', async () => {
    const { Plaintext, CiphertextBlob } = await generate();
    await client.send(new DisableKeyCommand({ KeyId: kms.keyArn }));
    for (const restarts of [false, true]) {
      if (restarts) await stop().then(start);
      expect(await refusalOf(generate())).toBe('DisabledException');
      expect(await refusalOf(decrypt(CiphertextBlob))).toBe('DisabledException');
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: kms.keyArn }));
      expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled', Enabled: false });
    }
    await client.send(new EnableKeyCommand({ KeyId: kms.keyArn }));
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
  });

  it('refuses to use or enable a key that is pending deletion', async () => {
    const { CiphertextBlob } = await generate();
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: kms.keyArn }));
    for (const attempt of [
      generate(),
      decrypt(CiphertextBlob),
      client.send(new EnableKeyCommand({ KeyId: kms.keyArn })),
    ]) {
      expect(await refusalOf(attempt)).toBe('KMSInvalidStateException');
    }
  });

  it('leaves a key disabled after its deletion was cancelled, and cancels and schedules no deletion twice', async () => {
    const KeyId = kms.keyArn;
    const cancel = () => client.send(new CancelKeyDeletionCommand({ KeyId }));
    const schedule = () => client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await refusalOf(cancel())).toBe('KMSInvalidStateException');
    await generate();
    await schedule();
    expect(await refusalOf(schedule())).toBe('KMSInvalidStateException');
    await cancel();
    expect(await refusalOf(generate())).toBe('DisabledException');
  });

  it('keeps its state if the change cannot be stored, and hides the cause', async () => {
    const { CiphertextBlob, Plaintext } = await generate();
    rmSync(folder, { recursive: true });
    const attempt = client.send(new DisableKeyCommand({ KeyId: kms.keyArn }));
    await expect(attempt).rejects.toMatchObject({
      name: 'KMSInternalException',
      message: 'The local KMS failed.',
    });
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
    mkdirSync(folder);
  });

  it('answers NotFoundException for any other key', async () => {
    const { CiphertextBlob } = await generate();
    for (const KeyId of [`${kms.keyArn.slice(0, -1)}_`, 'alias/other', 'x']) {
      for (const attempt of [
        client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
        client.send(
          new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext: { ...ownContext } }),
        ),
      ]) {
        expect(await refusalOf(attempt)).toBe('NotFoundException');
      }
    }
  });

  it('refuses invalid requests as KMS does', async () => {
    const KeyId = kms.keyArn;
    for (const command of [
      new GenerateDataKeyCommand({ KeyId }),
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', NumberOfBytes: 32 }),
      new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 1_025 }),
      new GenerateDataKeyCommand({
        KeyId,
        KeySpec: 'AES_256',
        EncryptionContext: { a: 'x'.repeat(8_192) },
      }),
    ]) {
      expect(await refusalOf(client.send(command))).toBe('ValidationException');
    }
    expect(await refusalOf(decrypt(new Uint8Array(6_145)))).toBe('ValidationException');
    expect(await refusalOf(client.send(new DescribeKeyCommand({ KeyId: undefined })))).toBe(
      'ValidationException',
    );
    const { CiphertextBlob } = await generate();
    const asymmetric = new DecryptCommand({
      KeyId,
      CiphertextBlob,
      EncryptionContext: { ...ownContext },
      EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    });
    expect(await refusalOf(client.send(asymmetric))).toBe('ValidationException');
  });

  it('keeps key, access key and wrapped data keys across a restart', async () => {
    const { keyArn, credentials } = kms;
    const { Plaintext, CiphertextBlob } = await generate();
    await stop();
    await start();
    expect({ keyArn: kms.keyArn, credentials: kms.credentials }).toEqual({ keyArn, credentials });
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
  });

  it('keeps the master key in a file that only its owner can read', () => {
    expect(statSync(masterKeyFile(folder)).mode & 0o777).toBe(0o600);
  });

  it('refuses a damaged file without showing its content', async () => {
    const file = masterKeyFile(folder);
    const text = readFileSync(file, 'utf8');
    const material: string = JSON.parse(text).keyMaterial;
    chmodSync(file, 0o600);
    const noBase64 = text.replace(material, `${material.slice(0, -4)}!!!=`);
    for (const damaged of [
      text.slice(0, -9),
      text.replace(material, material.slice(4)),
      noBase64,
      '',
    ]) {
      writeFileSync(file, damaged);
      const error = await startKms({ folder }).then(
        () => undefined,
        (caught: Error) => caught,
      );
      expect(error?.message).toBe(
        `${file} is damaged: put back a copy, or move the whole data folder away`,
      );
      expect(String(error?.cause)).not.toContain(material.slice(4, 12));
    }
  });
});

describe('the embedded KMS, with other senders', () => {
  const body = () => JSON.stringify({ KeyId: kms.keyArn });
  const send = async (headers: Record<string, string>, text = body()) => {
    const reply = await fetch(kms.endpoint, { method: 'POST', headers, body: text });
    const { __type, ...rest } = (await reply.json()) as { __type?: string };
    return { status: reply.status, __type, rest };
  };
  const target = 'TrentService.DescribeKey';
  const sign = async (
    date = new Date(),
    signed: Record<string, string> = { 'x-amz-target': target },
    { method = 'POST', path = '/', text = body(), hasHost = true } = {},
  ) => {
    const { host, port } = new URL(kms.endpoint);
    const signer = new SignatureV4({
      service: 'kms',
      region,
      credentials: kms.credentials,
      sha256: Sha256,
      applyChecksum: false,
    });
    const { headers } = await signer.sign(
      {
        method,
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: Number(port),
        path,
        headers: {
          ...(hasHost && { host }),
          'content-type': 'application/x-amz-json-1.1',
          ...signed,
        },
        body: text,
      },
      { signingDate: date },
    );
    const { host: _, ...sent } = headers;
    return sent;
  };
  const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);

  it('answers a signed request', async () => {
    expect((await send(await sign())).status).toBe(200);
    expect((await send(await sign(secondsAgo(240)))).status).toBe(200);
  });

  it('accepts only its own access key', async () => {
    const stranger = clientOf(kms, { ...kms.credentials, accessKeyId: 'LOCAL0000000000000000' });
    expect(await refusalOf(generate(stranger))).toBe('UnrecognizedClientException');
    const shorter = clientOf(kms, { ...kms.credentials, accessKeyId: 'LOCAL' });
    expect(await refusalOf(generate(shorter))).toBe('UnrecognizedClientException');
    const guesser = clientOf(kms, { ...kms.credentials, secretAccessKey: 'guessed' });
    expect(await refusalOf(generate(guesser))).toBe('InvalidSignatureException');
  });

  it('refuses a request without a signature', async () => {
    const { authorization: _, ...unsigned } = await sign();
    expect(await send(unsigned)).toMatchObject({
      status: 400,
      __type: 'MissingAuthenticationTokenException',
    });
    expect(await send({ ...unsigned, authorization: 'Bearer x' })).toMatchObject({
      __type: 'IncompleteSignatureException',
    });
  });

  it('refuses a signature made for another request', async () => {
    const headers = await sign();
    const refused = { status: 400, __type: 'InvalidSignatureException' };
    expect(await send(headers, body().replace('"}', ' "}'))).toMatchObject(refused);
    const other = 'TrentService.DisableKey';
    expect(await send({ ...headers, 'x-amz-target': other })).toMatchObject(refused);
    const date = '20200101T000000Z';
    expect(await send({ ...headers, 'x-amz-date': date })).toMatchObject(refused);
    const authorization = headers['authorization']?.replace(';x-amz-target', '') ?? '';
    expect(await send({ ...headers, authorization })).toMatchObject(refused);
  });

  it('refuses a signature that does not cover the operation or the host', async () => {
    const refused = { status: 400, __type: 'InvalidSignatureException' };
    const headers = await sign(new Date(), {});
    expect(await send({ ...headers, 'x-amz-target': target })).toMatchObject(refused);
    const signed = { 'x-amz-target': target };
    expect(await send(await sign(new Date(), signed, { hasHost: false }))).toMatchObject(refused);
  });

  it.each(['https://a.example', 'null'])(
    'refuses a request with the origin %s, even with a valid signature',
    async (origin) => {
      expect(await send({ ...(await sign()), origin })).toMatchObject({
        status: 400,
        __type: 'AccessDeniedException',
      });
      const asked = { origin, 'access-control-request-method': 'POST' };
      const preflight = await fetch(kms.endpoint, { method: 'OPTIONS', headers: asked });
      expect(preflight.status).toBe(400);
      expect([...preflight.headers.keys()].join()).not.toContain('access-control');
    },
  );

  it('refuses a body that does not match its announced hash', async () => {
    const headers = await sign();
    const claimed = { ...headers, 'x-amz-content-sha256': '0'.repeat(64) };
    expect(await send(claimed)).toMatchObject({ __type: 'InvalidSignatureException' });
  });

  it('refuses a body that is too long, after reading it to its end', async () => {
    const refused = { status: 400, __type: 'ValidationException' };
    expect(await send(await sign(), 'x'.repeat(65_537))).toMatchObject(refused);
    expect(await send(await sign(), 'x'.repeat(8 * 1_048_576))).toMatchObject(refused);
  });

  it('ends a connection on which a hundred requests wait', async () => {
    const request = 'POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 0\r\n\r\n';
    expect(await countAnswered(kms.endpoint, request)).toBeLessThan(100);
  });

  it('answers even a sender that reads only after it has sent all', async () => {
    const socket = await openSocket(kms.endpoint);
    socket.write('POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 16777216\r\n\r\n');
    await new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.write('a'.repeat(16_777_216), resolve);
    });
    expect(await textOf(socket)).toMatch(/^HTTP\/1.1 400 .*"ValidationException"/s);
  });

  it.each(['hunter2', '[]', '"hunter2"', 'null'])(
    'refuses the body %s, which is no JSON object, without repeating it',
    async (text) => {
      const headers = await sign(new Date(), { 'x-amz-target': target }, { text });
      expect(await send(headers, text)).toEqual({
        status: 400,
        __type: 'SerializationException',
        rest: { message: 'The body is no JSON object.' },
      });
    },
  );

  it.each([
    ['GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: 'acme' }],
    ['GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: ['acme'] }],
    ['Decrypt', { CiphertextBlob: 'AQ' }],
    ['Decrypt', { CiphertextBlob: 7 }],
  ])('refuses properties of %s with a wrong type: %j', async (operation, members) => {
    const text = JSON.stringify({ KeyId: kms.keyArn, ...members });
    const signed = { 'x-amz-target': `TrentService.${operation}` };
    expect(await send(await sign(new Date(), signed, { text }), text)).toMatchObject({
      status: 400,
      __type: 'ValidationException',
    });
  });

  it.each([
    ['another method', 'PUT', '/', target],
    ['another path', 'POST', '/keys', target],
    ['an operation that it lacks', 'POST', '/', 'TrentService.CreateKey'],
    ['an operation of another service', 'POST', '/', 'DynamoDB_20120810.DescribeKey'],
  ])('answers UnknownOperationException to %s', async (_, method, path, name) => {
    const headers = await sign(new Date(), { 'x-amz-target': name }, { method, path });
    const reply = await fetch(`${kms.endpoint}${path}`, { method, headers, body: body() });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });

  it('ends open connections when it is closed', async () => {
    const socket = await openSocket(kms.endpoint);
    const head = 'POST / HTTP/1.1\r\nHost: v\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n';
    socket.write(head);
    // The KMS now waits for the body.
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await kms.close();
    await closed;
  });

  it.each([
    ['that is more than five minutes old', 310],
    ['from more than five minutes in the future', -310],
  ])('refuses a signature %s', async (_, seconds) => {
    expect(await send(await sign(secondsAgo(seconds)))).toMatchObject({
      status: 400,
      __type: 'InvalidSignatureException',
    });
  });
});

describe('the id of a call to KMS', () => {
  // Shows G14.
  it('appears only in the line of its request, even if KMS refused the call', async () => {
    const { ids, transport } = noting(kms);
    reach = () => ({ endpoint: 'http://in-process', requestHandler: transport });
    const keys = createDataKeys(clientOf(kms), kms.keyArn);
    const bound = { vault: 'v', tenant: 't1', name: 'DB_PASSWORD' };
    const written: string[] = [];
    const spies = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0),
    );
    const ask = async (work: (its: DataKeys) => Promise<unknown>) => {
      const journal = openJournal('get-secret', randomUUID());
      const error = await work(keys.for({ ...requestContext(), journal })).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      journal.close({ principal: someone(), status: 200, error, elapsedMs: 1 });
    };
    const { CiphertextBlob } = await generate(client, bound);
    const unwrap = (its: DataKeys) => its.unwrap(bound, CiphertextBlob);
    await Promise.all([
      ask(unwrap),
      ask((its) => Promise.all([unwrap(its), unwrap(its)])),
      ask((its) => its.generate(bound)),
      ask((its) => its.probe()),
      ask((its) => its.unwrap({ ...bound, name: 'OTHER' }, CiphertextBlob)),
    ]);
    for (const spy of spies) spy.mockRestore();
    const lines = written.filter((line) => line.includes('"message":"request"'));
    const listed = lines.map((line): string[] => JSON.parse(line).kmsRequestIds);
    expect(listed.map(({ length }) => length).sort()).toEqual([1, 1, 1, 1, 2]);
    expect(new Set(ids).size).toBe(6);
    expect(listed.flat().sort()).toEqual([...ids].sort());
  });
});

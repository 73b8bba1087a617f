/** The embedded KMS, as the KMS client of the functions calls it in the same process. */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MetadataBearer } from '@smithy/types';
import { createDataKeys } from '../../functions/kms/data-keys.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import { type Answer, sendInProcess } from '../../functions/runtime/in-process.ts';
import { openJournal } from '../../functions/runtime/journal.ts';
import type { DataKeys } from '../../functions/vault/ports.ts';
import { answerWith } from '../../local/kms/embedded-kms.ts';
import {
  followMasterKey,
  identityIn,
  makeMasterKey,
  setKeyState,
} from '../../local/kms/key-file.ts';
import { freshFolder } from '../support/local-process.ts';
import { requestContext, someone } from '../support/requests.ts';

type Context = Record<string, string>;

const ownContext = { tenant: 't1', name: 'DB_PASSWORD' };
let file: string;
let keyArn: string;
let answer: Answer;
let client: KMSClient;

const clientOf = (): KMSClient => sendInProcess(new KMSClient({ region: 'us-east-1' }), answer);
/** Opens the file as a process does at its start. */
const start = (): void => {
  const key = followMasterKey(file, { keyId: identityIn(file).keyId });
  keyArn = key.arn;
  answer = answerWith(key);
  client = clientOf();
};
const generate = async (from: KMSClient = client, EncryptionContext: Context = ownContext) => {
  const KeyId = keyArn;
  const output = await from.send(
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
  );
  const { Plaintext, CiphertextBlob } = output;
  if (Plaintext === undefined || CiphertextBlob === undefined) throw new Error('no data key');
  return { Plaintext, CiphertextBlob, keyId: output.KeyId };
};
const decrypt = async (CiphertextBlob: Uint8Array, EncryptionContext: Context = ownContext) =>
  (await client.send(new DecryptCommand({ KeyId: keyArn, CiphertextBlob, EncryptionContext })))
    .Plaintext;

/** The name of the error with which a call is refused. */
const refusalOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'no refusal',
    ({ name }) => name,
  );

/** A client of the embedded KMS, and the ids that its calls have. */
const noting = () => {
  const ids: string[] = [];
  const noted = clientOf();
  const send = noted.send.bind(noted) as (...call: unknown[]) => Promise<MetadataBearer>;
  const note = (reply: MetadataBearer) => ids.push(reply.$metadata.requestId ?? '');
  const sendNoting = (...call: unknown[]) => {
    const sent = send(...call);
    void sent.then(note, note);
    return sent;
  };
  return { ids, client: Object.assign(noted, { send: sendNoting }) };
};

beforeEach(() => {
  file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  start();
});

describe('the embedded KMS, behind the KMS client', () => {
  it('decrypts the data key that it wrapped', async () => {
    const { Plaintext, CiphertextBlob, keyId } = await generate();
    expect(Plaintext).toHaveLength(32);
    expect(keyId).toBe(keyArn);
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
    expect(Buffer.from(CiphertextBlob).includes(Buffer.from(Plaintext))).toBe(false);
  });

  it('makes every data key and every blob only once', async () => {
    const [one, other] = [await generate(), await generate()];
    expect(one.Plaintext).not.toEqual(other.Plaintext);
    expect(one.CiphertextBlob).not.toEqual(other.CiphertextBlob);
  });

  it('accepts its master key by id and ARN, and answers with the ARN', async () => {
    const id = keyArn.split('/')[1];
    for (const KeyId of [id, keyArn]) {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ Arn: keyArn, KeyId: id, KeyState: 'Enabled' });
    }
    expect(keyArn).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f-]{36}$/);
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
    const { file: own, client: ownClient } = { file, client };
    file = join(freshFolder(), 'kms.json');
    makeMasterKey(file);
    start();
    const { CiphertextBlob } = await generate(client, {});
    [file, client] = [own, ownClient];
    start();
    expect(await refusalOf(decrypt(CiphertextBlob, {}))).toBe('IncorrectKeyException');
  });

  it('answers InvalidCiphertextException for other material under the id, which nothing but the id identifies', async () => {
    const { CiphertextBlob } = await generate();
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(file, JSON.stringify({ ...stored, keyMaterial }));
    expect(await refusalOf(decrypt(CiphertextBlob))).toBe('InvalidCiphertextException');
  });

  it('refuses to use a disabled key, also after a restart, until it is enabled', async () => {
    const { Plaintext, CiphertextBlob } = await generate();
    setKeyState(file, 'Disabled');
    for (const restarts of [false, true]) {
      if (restarts) start();
      expect(await refusalOf(generate())).toBe('DisabledException');
      expect(await refusalOf(decrypt(CiphertextBlob))).toBe('DisabledException');
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: keyArn }));
      expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled' });
    }
    setKeyState(file, 'Enabled');
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
  });

  it('refuses to use a key that is pending deletion', async () => {
    const { CiphertextBlob } = await generate();
    setKeyState(file, 'PendingDeletion');
    for (const attempt of [generate(), decrypt(CiphertextBlob)]) {
      expect(await refusalOf(attempt)).toBe('KMSInvalidStateException');
    }
  });

  it('answers NotFoundException for any other key', async () => {
    const { CiphertextBlob } = await generate();
    for (const KeyId of [`${keyArn.slice(0, -1)}_`, 'alias/other', 'x']) {
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

  it('rejects requests that are invalid, or that the vault does not make', async () => {
    const KeyId = keyArn;
    for (const command of [
      new GenerateDataKeyCommand({ KeyId }),
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', NumberOfBytes: 32 }),
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128' }),
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
    for (const more of [{}, { KeyId, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const]) {
      const EncryptionContext = { ...ownContext };
      const command = new DecryptCommand({ CiphertextBlob, EncryptionContext, ...more });
      expect(await refusalOf(client.send(command))).toBe('ValidationException');
    }
  });

  it('opens after a restart what it wrapped before', async () => {
    const { Plaintext, CiphertextBlob } = await generate();
    start();
    expect(await decrypt(CiphertextBlob)).toEqual(Plaintext);
  });
});

describe('the embedded KMS, asked below the client', () => {
  const refused = async (operation: string, input: unknown) => {
    const { status, body } = await answer(operation, input);
    return { status, ...body };
  };

  it.each(['hunter2', [], null, undefined])(
    'rejects the input %j, which is no object, without repeating it',
    async (input) => {
      expect(await refused('DescribeKey', input)).toEqual({
        status: 400,
        __type: 'SerializationException',
        message: 'The body is no JSON object.',
      });
    },
  );

  it.each([
    ['GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: 'acme' }],
    ['GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: ['acme'] }],
    ['Decrypt', { CiphertextBlob: 'AQ' }],
    ['Decrypt', { CiphertextBlob: 7 }],
  ])('rejects properties of %s with a wrong type: %j', async (operation, properties) => {
    expect(await refused(operation, { KeyId: keyArn, ...properties })).toMatchObject({
      status: 400,
      __type: 'ValidationException',
    });
  });

  it.each(['CreateKey', 'DisableKey', 'EnableKey', 'toString'])(
    'answers UnknownOperationException to %s',
    async (operation) => {
      expect(await refused(operation, {})).toMatchObject({
        status: 400,
        __type: 'UnknownOperationException',
      });
    },
  );

  it('answers 500 without the cause to a fault of its own', async () => {
    const broken = answerWith({
      arn: keyArn,
      read: () => {
        throw new Error('canary');
      },
    });
    expect(await broken('DescribeKey', { KeyId: keyArn })).toEqual({
      status: 500,
      body: { __type: 'KMSInternalException', message: 'The local KMS failed.' },
    });
  });
});

describe('the id of a call to KMS', () => {
  // Shows G14.
  it('appears only in the line of its request, even if KMS refused the call', async () => {
    const { ids, client: noted } = noting();
    const keys = createDataKeys(createKmsKey(noted, keyArn));
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

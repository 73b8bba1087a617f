/**
 * One suite for the master key in a file and behind the KMS protocol, and tests of what only the
 * file does.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { KeyService } from '../../functions/kms/key-service.ts';
import { createKmsKey } from '../../functions/kms/kms-key.ts';
import { createFileKey } from '../../host/kms/file-key.ts';
import {
  followMasterKey,
  identityIn,
  makeMasterKey,
  setKeyState,
} from '../../host/kms/key-file.ts';
import { holdsForEachKey } from '../support/key-service-suite.ts';
import { startKms } from '../support/kms-server.ts';
import { freshFolder } from '../support/local-process.ts';
import { nextTurn } from '../support/next-turn.ts';

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

/** Opens the key file as a process does when it starts. */
const open = (file: string) => {
  const key = followMasterKey(file, { keyId: identityIn(file).keyId });
  return { service: createFileKey(key), keyArn: key.arn };
};
const make = (): string => {
  const file = join(freshFolder(), 'kms.json');
  makeMasterKey(file);
  return file;
};

holdsForEachKey('in a file', async () => {
  const file = make();
  const nowhere = join(freshFolder(), 'kms.json');
  return {
    ...open(file),
    setState: async (state) => {
      setKeyState(file, state);
      await nextTurn();
    },
    other: open(make()).service,
    missing: createFileKey(followMasterKey(nowhere, { keyId: randomUUID() })),
  };
});

/** Serves a new key over KMS's protocol until the tests end. */
const serve = async () => {
  const { endpoint, keyArn, credentials, setState, close } = await startKms({
    folder: freshFolder(),
  });
  const client = new KMSClient({ region: 'us-east-1', endpoint, credentials, maxAttempts: 1 });
  closers.push(async () => {
    client.destroy();
    await close();
  });
  return { client, keyArn, service: createKmsKey(client, keyArn), setState };
};

holdsForEachKey('behind the protocol of KMS', async () => {
  const { client, keyArn, service, setState } = await serve();
  return {
    ...{ service, keyArn },
    setState: async (state) => setState(state),
    other: (await serve()).service,
    missing: createKmsKey(client, randomUUID()),
  };
});

describe('the master key in a file', () => {
  const bound = { vault: 'v', tenant: 't1', name: 'DB_PASSWORD' };
  const { signal } = new AbortController();
  let file: string;
  let service: KeyService;
  beforeEach(() => {
    file = make();
    service = open(file).service;
  });
  const wrapped = async (): Promise<Buffer> => {
    const made = await service.generate(bound, signal);
    return Buffer.from(made.wrapped ?? []);
  };
  const refusalOf = (attempt: Promise<unknown>): Promise<string> =>
    attempt.then(
      () => 'no refusal',
      ({ name }) => name,
    );

  it('opens no data key that has a byte changed, removed or added', async () => {
    const whole = await wrapped();
    const altered: Uint8Array[] = [...whole.keys()].map((index) => {
      const bytes = Buffer.from(whole);
      bytes[index] = (bytes[index] ?? 0) ^ (1 << (index % 8));
      return bytes;
    });
    altered.push(whole.subarray(0, -1), Buffer.concat([whole, Buffer.of(0)]));
    // Prefixes of the blob: nothing, the layout byte, the key id too, and also the IV and tag.
    for (const length of [0, 1, 17, 45]) altered.push(whole.subarray(0, length));
    for (const [index, blob] of altered.entries()) {
      const isKeyId = index >= 1 && index <= 16;
      expect(await refusalOf(service.unwrap(bound, blob, signal))).toBe(
        isKeyId ? 'IncorrectKeyException' : 'InvalidCiphertextException',
      );
    }
  });

  it('reports a data key as damaged if the master key with its id now has other key material', async () => {
    const own = await wrapped();
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    const keyMaterial = Buffer.alloc(32, 7).toString('base64');
    writeFileSync(file, JSON.stringify({ ...stored, keyMaterial }));
    await nextTurn();
    expect(await refusalOf(service.unwrap(bound, own, signal))).toBe('InvalidCiphertextException');
  });

  it('binds no data key to text that UTF-8 cannot encode', async () => {
    const broken = { ...bound, tenant: '\ud800' };
    await expect(service.generate(broken, signal)).rejects.toMatchObject({
      ...{ code: 'master_key_unavailable', retryable: true, cause: 'ValidationException' },
    });
  });

  // LocalStack's KMS joins names and values without their lengths, so it opens both of these.
  it.each([
    ['from a name to its value', { vault: 'v', tenan: 'tt1', name: 'DB_PASSWORD' }],
    ['between two names', { vault: 'v', tenantn: 't1', ame: 'DB_PASSWORD' }],
  ])('opens no data key if a letter of its encryption context has moved %s', async (_, other) => {
    const own = await wrapped();
    const refused = await refusalOf(service.unwrap(other, own, signal));
    expect(refused).toBe('InvalidCiphertextException');
  });

  it('opens after a restart what it wrapped before', async () => {
    const own = await wrapped();
    const before = await service.unwrap(bound, own, signal);
    expect(await open(file).service.unwrap(bound, own, signal)).toEqual(before);
  });
});

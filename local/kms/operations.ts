/** The operations of the embedded KMS, with the property names and the faults of KMS's own API. */
import { randomBytes } from 'node:crypto';
import { fault } from './fault.ts';
import type { KeyState, MasterKey } from './master-key.ts';
import { type EncryptionContext, unwrap, wrap } from './wrapping.ts';

type Input = Readonly<Record<string, unknown>>;
type Operation = (key: MasterKey, input: Input) => Record<string, unknown> | undefined;

/** KMS's own limit on the characters of all names and values of an encryption context. */
const contextCharactersMax = 8_192;
const blobBytesMax = 6_144;

const invalid = (message: string) => fault('ValidationException', message);

const checkNamesTheKey = (key: MasterKey, keyId: unknown): void => {
  if (typeof keyId !== 'string' || keyId === '') throw invalid('KeyId must be a string.');
  if ([key.keyId, key.arn, key.alias, key.aliasArn].includes(keyId)) return;
  throw fault(
    'NotFoundException',
    keyId.includes('alias/') ? `Alias ${keyId} is not found.` : `Key '${keyId}' does not exist`,
  );
};

const checkIsEnabled = (key: MasterKey): void => {
  if (key.state() === 'Disabled') throw fault('DisabledException', `${key.arn} is disabled.`);
  checkIsNotPendingDeletion(key);
};
const checkIsNotPendingDeletion = (key: MasterKey): void => {
  if (key.state() !== 'PendingDeletion') return;
  throw fault('KMSInvalidStateException', `${key.arn} is pending deletion.`);
};

/** Text that is not well formed would change when it is encoded as UTF-8, so two contexts could become equal. */
const isExactText = (text: unknown): text is string =>
  typeof text === 'string' && text.isWellFormed();

const contextOf = (input: Input): EncryptionContext => {
  const context = input['EncryptionContext'] ?? {};
  if (typeof context !== 'object' || Array.isArray(context)) {
    throw invalid('EncryptionContext must be a map of strings.');
  }
  const entries: [string, string][] = Object.entries(context).map(([name, value]) => {
    if (!isExactText(name) || !isExactText(value)) {
      throw invalid('EncryptionContext must be a map of well-formed strings.');
    }
    return [name, value];
  });
  if (entries.flat().join('').length > contextCharactersMax) {
    throw invalid('EncryptionContext is too long.');
  }
  return new Map(entries);
};

const dataKeyBytes = ({ KeySpec, NumberOfBytes }: Input): number => {
  if ((KeySpec === undefined) === (NumberOfBytes === undefined)) {
    throw invalid('Specify either KeySpec or NumberOfBytes.');
  }
  if (KeySpec === 'AES_256') return 32;
  if (KeySpec === 'AES_128') return 16;
  if (Number.isInteger(NumberOfBytes) && Number(NumberOfBytes) >= 1) {
    if (Number(NumberOfBytes) <= 1_024) return Number(NumberOfBytes);
  }
  throw invalid('KeySpec must be AES_256 or AES_128, NumberOfBytes from 1 to 1024.');
};

const blobOf = (input: Input): Buffer => {
  const text = input['CiphertextBlob'];
  const blob = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  const isBlob = blob.length > 0 && blob.toString('base64') === text;
  if (!isBlob || blob.length > blobBytesMax) {
    throw invalid(`CiphertextBlob must be base64 of 1 to ${blobBytesMax} bytes.`);
  }
  return blob;
};

const generateDataKey: Operation = (key, input) => {
  checkNamesTheKey(key, input['KeyId']);
  const context = contextOf(input);
  const bytes = dataKeyBytes(input);
  checkIsEnabled(key);
  const dataKey = randomBytes(bytes);
  return {
    CiphertextBlob: wrap(key, dataKey, context).toString('base64'),
    Plaintext: dataKey.toString('base64'),
    KeyId: key.arn,
  };
};

const decrypt: Operation = (key, input) => {
  const { KeyId, EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' } = input;
  if (KeyId !== undefined) checkNamesTheKey(key, KeyId);
  if (EncryptionAlgorithm !== 'SYMMETRIC_DEFAULT') {
    throw invalid('EncryptionAlgorithm must be SYMMETRIC_DEFAULT.');
  }
  const blob = blobOf(input);
  const context = contextOf(input);
  checkIsEnabled(key);
  const unwrapped = unwrap(key, blob, context);
  if ('dataKey' in unwrapped) {
    const Plaintext = unwrapped.dataKey.toString('base64');
    return { KeyId: key.arn, Plaintext, EncryptionAlgorithm };
  }
  // KMS finds a blob's master key by itself. Without a KeyId it would look for the other master key, and would not find
  // it here.
  throw unwrapped.fault === 'other-master-key' && KeyId !== undefined
    ? fault('IncorrectKeyException', 'The key ID in the request does not identify the CMK used.')
    : fault('InvalidCiphertextException', '');
};

const describeKey: Operation = (key, input) => {
  checkNamesTheKey(key, input['KeyId']);
  return {
    KeyMetadata: {
      AWSAccountId: '000000000000',
      Arn: key.arn,
      CreationDate: key.createdAt / 1000,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'Master key of a local vault',
      Enabled: key.state() === 'Enabled',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyId: key.keyId,
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: key.state(),
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'AWS_KMS',
    },
  };
};

const switchTo =
  (state: KeyState): Operation =>
  (key, input) => {
    checkNamesTheKey(key, input['KeyId']);
    checkIsNotPendingDeletion(key);
    key.setState(state);
    return undefined;
  };

/**
 * A deletion here stays pending for ever. It exists because no other operation sets the state `PendingDeletion`;
 * CancelKeyDeletion ends it.
 */
const scheduleKeyDeletion: Operation = (key, input) => {
  checkNamesTheKey(key, input['KeyId']);
  checkIsNotPendingDeletion(key);
  key.setState('PendingDeletion');
  return { KeyId: key.arn, KeyState: key.state() };
};
const cancelKeyDeletion: Operation = (key, input) => {
  checkNamesTheKey(key, input['KeyId']);
  if (key.state() !== 'PendingDeletion') {
    throw fault('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
  }
  key.setState('Disabled');
  return { KeyId: key.arn };
};

/**
 * The operations by their names in `X-Amz-Target`. An operation returns its output; `undefined` means an empty body.
 */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
  ['EnableKey', switchTo('Enabled')],
  ['DisableKey', switchTo('Disabled')],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['CancelKeyDeletion', cancelKeyDeletion],
]);

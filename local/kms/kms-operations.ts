/** The operations of the embedded KMS, with the property names and the faults of KMS's own API. */
import { randomBytes } from 'node:crypto';
import { keyIdOf } from '../../functions/model/types.ts';
import { type EncryptionContext, unwrap, wrap } from './data-key-wrapping.ts';
import type { KeyReading, MasterKey } from './key-file.ts';
import { fault } from './kms-fault.ts';

type Input = Readonly<Record<string, unknown>>;
type Operation = (key: MasterKey, input: Input) => object;

/** KMS's own limit on the characters of all names and values of an encryption context. */
const contextCharactersMax = 8_192;
const blobBytesMax = 6_144;

const invalid = (message: string) => fault('ValidationException', message);

const checkNamesTheKey = (key: MasterKey, keyId: unknown): void => {
  if (typeof keyId !== 'string' || keyId === '') throw invalid('KeyId must be a string.');
  if (keyId === key.arn || keyId === keyIdOf(key.arn)) return;
  throw fault('NotFoundException', `Key '${keyId}' does not exist`);
};

/** Returns the key if it may be used now. */
const readEnabled = (key: MasterKey): KeyReading => {
  const reading = key.read();
  if (reading.state === 'Enabled') return reading;
  throw reading.state === 'Disabled'
    ? fault('DisabledException', `${key.arn} is disabled.`)
    : fault('KMSInvalidStateException', `${key.arn} is pending deletion.`);
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
  const reading = readEnabled(key);
  const dataKey = randomBytes(bytes);
  const CiphertextBlob = wrap(reading, dataKey, context).toString('base64');
  const Plaintext = dataKey.toString('base64');
  dataKey.fill(0);
  return { CiphertextBlob, Plaintext, KeyId: key.arn };
};

const decrypt: Operation = (key, input) => {
  const { KeyId, EncryptionAlgorithm = 'SYMMETRIC_DEFAULT' } = input;
  if (KeyId !== undefined) checkNamesTheKey(key, KeyId);
  if (EncryptionAlgorithm !== 'SYMMETRIC_DEFAULT') {
    throw invalid('EncryptionAlgorithm must be SYMMETRIC_DEFAULT.');
  }
  const blob = blobOf(input);
  const context = contextOf(input);
  const unwrapped = unwrap(readEnabled(key), blob, context);
  if ('dataKey' in unwrapped) {
    const Plaintext = unwrapped.dataKey.toString('base64');
    unwrapped.dataKey.fill(0);
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
  const { keyId, state, createdAt } = key.read();
  return {
    KeyMetadata: {
      AWSAccountId: '000000000000',
      Arn: key.arn,
      CreationDate: createdAt / 1000,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'Master key of a local vault',
      Enabled: state === 'Enabled',
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyId: keyId,
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: state,
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'AWS_KMS',
    },
  };
};

/** The operations by their names in `X-Amz-Target`. An operation returns its output, and throws a fault of KMS. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
]);

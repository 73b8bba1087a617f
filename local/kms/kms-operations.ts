/**
 * The operations of the embedded KMS, with the property names and the faults of KMS's own API. Only the properties that
 * the vault sends are served: an ignored one would be believed.
 */
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

const dataKeyBytes = 32;

const checkProperties = (input: Input, served: readonly string[]): void => {
  const other = Object.keys(input).find((name) => !served.includes(name));
  if (other !== undefined) throw invalid(`${other} is not served here.`);
};

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
  checkProperties(input, ['KeyId', 'KeySpec', 'EncryptionContext']);
  checkNamesTheKey(key, input['KeyId']);
  const context = contextOf(input);
  if (input['KeySpec'] !== 'AES_256') throw invalid('KeySpec must be AES_256 here.');
  const reading = readEnabled(key);
  const dataKey = randomBytes(dataKeyBytes);
  const CiphertextBlob = wrap(reading, dataKey, context).toString('base64');
  const Plaintext = dataKey.toString('base64');
  dataKey.fill(0);
  return { CiphertextBlob, Plaintext, KeyId: key.arn };
};

const decrypt: Operation = (key, input) => {
  checkProperties(input, ['KeyId', 'CiphertextBlob', 'EncryptionContext']);
  checkNamesTheKey(key, input['KeyId']);
  const blob = blobOf(input);
  const context = contextOf(input);
  const unwrapped = unwrap(readEnabled(key), blob, context);
  if ('dataKey' in unwrapped) {
    const Plaintext = unwrapped.dataKey.toString('base64');
    unwrapped.dataKey.fill(0);
    return { KeyId: key.arn, Plaintext };
  }
  throw unwrapped.fault === 'other-master-key'
    ? fault('IncorrectKeyException', 'The key ID in the request does not identify the CMK used.')
    : fault('InvalidCiphertextException', '');
};

const describeKey: Operation = (key, input) => {
  checkProperties(input, ['KeyId']);
  checkNamesTheKey(key, input['KeyId']);
  const { keyId, state } = key.read();
  return { KeyMetadata: { Arn: key.arn, KeyId: keyId, KeyState: state } };
};

/** The operations by their names in `X-Amz-Target`. An operation returns its output, and throws a fault of KMS. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['Decrypt', decrypt],
  ['DescribeKey', describeKey],
]);

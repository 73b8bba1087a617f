/** Uses the master key in a file. */
import { randomBytes } from 'node:crypto';
import {
  KeyFault,
  type KeyService,
  keyFaults,
  unreachable,
} from '../../functions/kms/key-service.ts';
import { unwrap, wrap } from './data-key-wrapping.ts';
import type { KeyReading, MasterKey } from './master-key.ts';

const dataKeyBytes = 32;

export const createFileKey = (key: MasterKey): KeyService => ({
  generate: async (bound) => {
    const reading = readEnabled(key);
    const plaintext = randomBytes(dataKeyBytes);
    const wrapped = wrap(reading, plaintext, contextOf(bound));
    return { plaintext, wrapped, masterKeyId: key.arn };
  },

  unwrap: async (bound, wrapped) => {
    const reading = readEnabled(key);
    const unwrapped = unwrap(reading, Buffer.from(wrapped), contextOf(bound));
    if ('dataKey' in unwrapped) return { plaintext: unwrapped.dataKey };
    throw unwrapped.fault === 'other-master-key'
      ? new KeyFault(keyFaults.incorrectKey, `another key than ${key.arn} has wrapped the data key`)
      : new KeyFault(
          keyFaults.invalidCiphertext,
          'the data key is damaged or bound to something else',
        );
  },

  describe: async () => {
    const { keyId, state } = key.read();
    return { masterKeyId: keyId, isEnabled: state === 'Enabled' };
  },
});

/** Returns the key if it may be used at the moment. */
const readEnabled = (key: MasterKey): KeyReading => {
  const reading = key.read();
  if (reading.state === 'Enabled') return reading;
  throw reading.state === 'Disabled'
    ? new KeyFault(keyFaults.disabled, `${key.arn} is disabled.`)
    : new KeyFault(keyFaults.invalidState, `${key.arn} is pending deletion.`);
};

/**
 * Refuses malformed Unicode. It is replaced when it is encoded as UTF-8, so two different contexts
 * could become equal.
 */
const contextOf = (bound: Readonly<Record<string, string>>): ReadonlyMap<string, string> => {
  const entries = Object.entries(bound);
  if (entries.flat().every((text) => text.isWellFormed())) return new Map(entries);
  const fault = { ...unreachable, cause: 'ValidationException' };
  throw new KeyFault(fault, 'a data key can be bound only to well-formed text');
};

/** Guards of the envelope and of the master key. */
import type { Mutant } from './mutant.ts';

const envelope = 'functions/crypto/envelope.ts';
const keys = 'functions/kms/data-keys.ts';

const unbound = (what: string, from: string, sentence: string, to = "''"): Mutant => ({
  name: `a record is not bound to its ${what}`,
  file: envelope,
  from: `      ${from},\n`,
  to: `      ${to},\n`,
  test: 'unit/crypto/envelope',
  sentence: `of another ${sentence} is an integrity failure`,
});

export const sealingMutants: readonly Mutant[] = [
  unbound('tenant', 'identity.tenant', 'tenant'),
  unbound('name', 'identity.name', 'name'),
  unbound('version', 'String(identity.version)', 'version'),
  unbound(
    'first instant',
    'formatInstant(identity.validFrom)',
    'first instant',
    'formatInstant(0)',
  ),
  unbound('subject', 'identity.createdBy', 'subject'),
  unbound('write', 'identity.writeId', 'write id'),
  unbound('master key', 'identity.masterKeyId', 'master key'),
  {
    name: 'the fields that a record is bound to have no borders',
    file: envelope,
    from: 'return [length, bytes];',
    to: 'return length.length === 0 ? [length] : [bytes];',
    test: 'unit/crypto/envelope',
    sentence: 'of another border of tenant and name is an integrity failure',
  },
  {
    name: 'the commitment is not compared',
    file: envelope,
    from: 'if (!sameBytes(commitment, sealed.commitment)) throw refused();',
    to: 'if (!sameBytes(commitment, commitment)) throw refused();',
    test: 'proof/two-keys',
    sentence: 'is refused under the second key',
  },
  {
    name: 'an iv is used twice',
    file: envelope,
    from: 'drawIv: () => Uint8Array = () => randomBytes(ivBytes)',
    to: 'drawIv: () => Uint8Array = () => randomBytes(0).length === 0 ? new Uint8Array(ivBytes) : randomBytes(1)',
    test: 'unit/crypto/envelope',
    sentence: 'draws a fresh iv every time, so the same value never looks the same',
  },
  {
    name: 'another master key may unwrap',
    file: keys,
    from: '      KeyId: masterKeyId,\n      CiphertextBlob: wrapped,',
    to: '      CiphertextBlob: wrapped,',
    test: 'unit/kms/data-keys',
    sentence: 'opens only with the configured master key, tenant and name',
  },
  {
    name: 'a data key is not bound to the name',
    file: keys,
    from: '      CiphertextBlob: wrapped,\n      EncryptionContext: { ...bound },',
    to: '      CiphertextBlob: wrapped,\n      EncryptionContext: { tenant: bound.tenant },',
    test: 'proof/calls',
    sentence: 'makes only calls that keep the rules, and at the cost of the table',
  },
  {
    name: 'a wrong master key is one that cannot be reached',
    file: keys,
    from: "['InvalidCiphertextException', incorrect],",
    to: "['InvalidCiphertextException', unreachable],",
    test: 'proof/key-faults',
    sentence:
      'because its material is another is master_key_incorrect for whatever was sealed before',
  },
  {
    name: 'a disabled master key is asked again and again',
    file: keys,
    from: "['DisabledException', unusable],",
    to: "['DisabledException', unreachable],",
    test: 'proof/key-faults',
    sentence: 'because it is disabled is master_key_unavailable until that is undone',
  },
  {
    name: 'a request that ran out of time before KMS was called is a key fault',
    file: keys,
    from: 'throw failed ? fault(context, failed.met, failed.cause) : outOfTime(context);',
    to: 'throw failed ? fault(context, failed.met, failed.cause) : outOfTime(context) && fault(context, unreachable);',
    test: 'unit/kms/data-keys',
    sentence: 'ends in throttled, without a call or a key fault, after 7 s behind other requests',
  },
  {
    name: 'a data key outlives its request',
    file: 'functions/vault/sealing.ts',
    from: '    key.fill(0);',
    to: '    key.fill(0, key.length);',
    test: 'contract/data-keys',
    sentence: 'is overwritten with zeroes after a get',
  },
  {
    name: 'a data key of a create outlives its request',
    file: 'functions/vault/create-secret.ts',
    from: 'generated.value.plaintext.fill(0);',
    to: 'generated.value.plaintext.fill(0, 32);',
    test: 'contract/data-keys',
    sentence: 'is overwritten with zeroes after a create',
  },
  {
    name: 'a process makes any number of calls to the master key at once',
    file: 'functions/kms/slots.ts',
    from: 'if (free > 0) {',
    to: 'if (count > 0) {',
    test: 'unit/kms/slots',
    sentence: 'grants permits at once while some are free, then as each is released',
  },
  {
    name: 'a place at the master key goes to whoever asked first',
    file: 'functions/kms/slots.ts',
    from: 'others.reduce(older, first)',
    to: 'others.slice(others.length).reduce(older, first)',
    test: 'unit/kms/slots',
    sentence: 'grants the next permit to the oldest request, however late it asks',
  },
];

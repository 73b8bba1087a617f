/** Guards of reads: consistency, time, and changes of the table by others. */
import type { Mutant } from './mutant.ts';

const reads = 'functions/dynamodb/store.ts';
const codec = 'functions/dynamodb/items.ts';
const decoder = 'functions/dynamodb/items.ts';
const versions = 'functions/vault/versions.ts';
const retries = 'functions/vault/retries.ts';
const calls = 'functions/dynamodb/calls.ts';
const callRules = 'makes only calls that keep the rules and cost what the table says';

export const readingMutants: readonly Mutant[] = [
  {
    name: 'a head may be read from a replica that lags behind',
    file: reads,
    from: 'Key: { pk: { S: pk }, sk: { S: sk } },\n      ConsistentRead: true,',
    to: 'Key: { pk: { S: pk }, sk: { S: sk } },\n      ConsistentRead: false,',
    test: 'contract/calls',
    sentence: callRules,
  },
  {
    name: 'versions may be listed from a replica that lags behind',
    file: reads,
    from: 'range),\n        ConsistentRead: true,',
    to: 'range),\n        ConsistentRead: false,',
    test: 'contract/calls',
    sentence: callRules,
  },
  {
    name: 'a 5xx of the store means that nothing was written',
    file: calls,
    from: "if (status !== undefined && status >= 500) return 'unclear';",
    to: "if (status !== undefined && status >= 500) return 'unavailable';",
    test: 'proof/store-faults',
    sentence: 'gives a true answer if every write is server error',
  },
  {
    name: 'a lost connection means that nothing was written',
    file: calls,
    from: "if (neverSent.has(code) || name === 'CredentialsProviderError') return 'unavailable';",
    to: "if (neverSent.has(code) || code === 'ECONNRESET' || name === 'CredentialsProviderError') return 'unavailable';",
    test: 'proof/store-faults',
    sentence: 'gives a true answer if every write is reply lost',
  },
  {
    name: 'a transaction in progress means that nothing was written',
    file: calls,
    from: "if (status === undefined || name === 'TransactionInProgressException') return 'unclear';",
    to: "if (status === undefined) return 'unclear';\n  if (name === 'TransactionInProgressException') return 'unavailable';",
    test: 'proof/store-faults',
    sentence: 'gives a true answer if every write is in progress',
  },
  {
    name: 'an unclear attempt is forgotten after later ones',
    file: retries,
    from: "unclear ||= result.outcome === 'unclear';",
    to: "unclear = result.outcome === 'unclear';",
    test: 'contract/unclear-writes',
    sentence: 'answers outcome_unknown if an earlier one may',
  },
  {
    name: 'the outcome of an unclear write is not looked up',
    file: retries,
    from: 'if (unclear) return await settle(vault, write, cause);',
    to: "if (unclear && write.creates.length < 0) return await settle(vault, write, cause);\n    if (unclear) throw new VaultError('outcome_unknown', 'the write may have taken effect');",
    test: 'unit/vault/retries',
    sentence: 'ends with what one look-up finds after three unclear attempts',
  },
  {
    name: 'retries never end',
    file: retries,
    from: 'if (context.elapsed() + wait >= times.newAttemptsUntilMs) return false;',
    to: 'if (context.elapsed() + wait >= 20 * times.newAttemptsUntilMs) return false;',
    test: 'proof/store-faults',
    sentence: 'gives a true answer if every write is throttled',
  },
  {
    name: 'a version begins at the time of the clock, even before its predecessor',
    file: 'functions/vault/sealing.ts',
    from: 'Math.max(vault.now, base.validFrom + 1)',
    to: 'Math.max(vault.now, 1)',
    test: 'proof/clocks',
    sentence: 'begin at distinct instants while the clock stands still',
  },
  {
    name: 'an interval may end anywhere',
    file: versions,
    from: 'if (earlier && earlier.validTo !== later.validFrom) {',
    to: 'if (earlier && earlier.validTo === 0 && later.validFrom === 0) {',
    test: 'contract/changed-table',
    sentence: 'that is not the next beginning is refused',
  },
  {
    name: 'the end of a version far below the head is not checked',
    file: versions,
    from: 'if (head.version > version + 1 && found) {',
    to: 'if (head.version > version + 1 && found && !successor) {',
    test: 'contract/changed-table',
    sentence: 'that is not the next beginning is refused',
  },
  {
    name: 'a version item beside the head of the same version is accepted',
    file: versions,
    from: 'if (superseded && head.version <= version) {',
    to: 'if (superseded && head.version < version - 1) {',
    test: 'contract/changed-table',
    sentence: 'a version item beside a head of the same version is refused',
  },
  {
    name: 'a page does not read the version after its newest one',
    file: versions,
    from: 'const from = newestFirst ? Math.min(head.version, first + 1) : first;',
    to: 'const from = newestFirst ? Math.min(head.version, first) : first;',
    test: 'contract/changed-table',
    sentence: 'that is not the next beginning is refused',
  },
  {
    name: 'unknown attributes are accepted',
    file: decoder,
    from: 'if (rest.size > 0) throw malformed();',
    to: 'if (rest.size > 99) throw malformed();',
    test: 'unit/dynamodb/codec',
    sentence: 'fails with integrity_failure: head with an unknown attribute',
  },
  {
    name: 'an item is accepted under any key',
    file: decoder,
    from: "if (key && (text('pk') !== key.pk || text('sk') !== key.sk)) throw malformed();",
    to: "if (key && (text('pk') === '' || text('sk') === '')) throw malformed();",
    test: 'unit/dynamodb/codec',
    sentence: 'fails with integrity_failure although it is genuine',
  },
  {
    name: 'a version is accepted under the key of another number',
    file: codec,
    from: 'if (sealed.version !== version || validTo <= sealed.validFrom) throw malformed();',
    to: 'if (validTo <= sealed.validFrom) throw malformed();',
    test: 'unit/dynamodb/codec',
    sentence: 'fails with integrity_failure if a version is under the key of another number',
  },
  {
    name: 'the answer is the first failure in time, not in the order of items',
    file: 'functions/vault/parallel.ts',
    from: 'failures.sort((a, b) => a.index - b.index);',
    to: 'failures.sort(() => 0);',
    test: 'unit/vault/parallel',
    sentence: 'comes from the earliest item, whichever fails first',
  },
  {
    name: 'each page of names is searched from the first name',
    file: 'functions/dynamodb/names.ts',
    from: 'S: from ?? (range.text || firstName)',
    to: 'S: range.text || firstName',
    test: 'unit/dynamodb/names',
    sentence: 'starts each page where the one before ended',
  },
];

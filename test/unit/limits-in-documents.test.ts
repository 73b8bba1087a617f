/**
 * Pages repeat some limits of functions/model/limits.ts where a reader needs the number. If a limit
 * changes, this test names the pages.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { limits, times } from '../../functions/model/limits.ts';

const hour = 3_600_000;
const minute = 60_000;
const second = 1_000;
const kib = 1_024;
const mib = kib * kib;
const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const inWords = (count: number): string => words[count] ?? String(count);

/**
 * A page, part of its text with `#` in place of the number, and the number as the page writes it.
 */
const sentences: readonly (readonly [string, string, number | string])[] = [
  ['README.md', 'stores or reads up to # secrets', limits.fileNamesMax],
  ['docs/access.md', 'a list of at most # values', limits.claimValuesMax],
  ['docs/access.md', 'at most # comparisons', limits.claimComparisonsMax],
  ['docs/access.md', 'may produce # combinations', limits.policyCombinationsMax],
  ['docs/cli.md', 'one line of at most # bytes', limits.noteBytesMax],
  ['docs/cli.md', 'of more than # names', limits.fileNamesMax],
  ['docs/cli.md', 'names or # MiB', limits.fileValuesBytesMax / mib],
  ['docs/env.md', 'a file: # bytes', limits.fileBytesMax],
  ['docs/env.md', 'distinct names: #.', limits.fileNamesMax],
  ['docs/env.md', 'a value: # bytes', limits.valueBytesMax],
  ['docs/env.md', 'all values together: # MiB', limits.fileValuesBytesMax / mib],
  ['docs/env.md', 'the versions they replace: # MiB', limits.fileSealedBytesMax / mib],
  ['docs/env.md', 'a reply: # bytes', limits.replyBytesMax],
  [
    'docs/guarantees.md',
    'until the request is # seconds old',
    inWords(times.newAttemptsUntilMs / second),
  ],
  ['docs/guarantees.md', 'up to # seconds after its', inWords(times.attemptsEndMs / second)],
  ['docs/guarantees.md', 'key set (# minutes)', times.keySetKeptMs / minute],
  ['docs/guarantees.md', 'tokens (# minute,', inWords(times.tokenKeptMs / minute)],
  ['docs/guarantees.md', 'probe (# second)', inWords(times.probeEveryMs / second)],
  ['docs/runbook.md', 'at most # entries of each', limits.lineEntriesMax],
  ['docs/runbook.md', 'more than # minutes ahead', inWords(times.clockSkewAlarmMs / minute)],
  ['docs/runbook.md', '`too_long`: it has more than # KiB', limits.tokenBytesMax / kib],
  ['docs/runbook.md', 'with a tolerance of # s', times.tokenToleranceS],
  ['docs/runbook.md', 'at most # calls to KMS', limits.kmsCallsAtOnceMax],
  ['docs/threat-model.md', '# hours after a keyed request', times.idempotencyKeptMs / hour],
  ['docs/design/envelope.md', '`vault` (S, 1 to #)', limits.vaultIdCharactersMax],
  ['docs/design/envelope.md', '`createdBy` (S, 1 to # bytes', limits.subjectBytesMax],
  ['docs/design/envelope.md', '`note` (S, 1 to # bytes', limits.noteBytesMax],
  ['docs/design/storage.md', '# hours after the request', times.idempotencyKeptMs / hour],
  ['docs/design/storage.md', '# s: no further call to KMS', times.kmsCallsUntilMs / second],
  ['docs/design/storage.md', '# s: no further attempt', times.newAttemptsUntilMs / second],
  ['docs/design/storage.md', '# s: writes and calls to KMS', times.attemptsEndMs / second],
  ['docs/design/storage.md', 'one to KMS # s', times.kmsCallMs / second],
];

describe('a page that repeats a limit', () => {
  it.each(sentences)('has the number in limits.ts: %s, "%s"', (page, sentence, limit) => {
    const text = readFileSync(page, 'utf8').replaceAll(/\s+/g, ' ');
    const pattern = sentence.replaceAll(/[.()|]/g, '\\$&').replace('#', '([\\w,]+)');
    const numbers = [...text.matchAll(new RegExp(pattern, 'g'))];
    const expected = typeof limit === 'number' ? limit.toLocaleString('en-US') : limit;
    expect(new Set(numbers.map(([, number]) => number))).toEqual(new Set([expected]));
  });
});

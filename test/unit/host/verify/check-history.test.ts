import { expect, it } from '@jest/globals';
import { checkHistory, type Entry } from '../../../../host/verify/check-history.ts';

const entryOf = (version: number, isHead = false): Entry => ({
  ...{ pk: 'TENANT#a#SECRET#DB', sk: isHead ? 'HEAD' : `VERSION#${version}`, isHead, version },
  ...{ state: 'stored', writeId: `write ${version}`, validFrom: version },
  validTo: isHead ? undefined : version + 1,
});

it('checkHistory accepts the versions of a secret in any order', () => {
  expect(checkHistory([entryOf(3), entryOf(4, true), entryOf(1), entryOf(2)])).toEqual([]);
});

/**
 * Checks whether a stored item is what a guard expects, for stores that evaluate guards in this
 * process.
 */
import type { Item } from './items.ts';
import type { Expected } from './ports.ts';

export const isAsExpected = (expected: Expected, item: Item | undefined): boolean => {
  switch (expected.is) {
    case 'absent':
      return item === undefined;
    case 'expired':
      return item === undefined || Number(item['expiresAt']?.N) < expected.second;
    case 'version':
      return item?.['version']?.N === String(expected.version) && isOfWrite(expected, item);
    case 'write':
      return isOfWrite(expected, item);
  }
};

const isOfWrite = (
  { writeId, state }: { readonly writeId: string; readonly state: string },
  item: Item | undefined,
): boolean => item?.['writeId']?.S === writeId && item['state']?.S === state;

/** The store of this process, if its home hands one over; a deployed function has none, and reaches DynamoDB. */
import type { ItemsOf } from '../store/ports.ts';

let given: ItemsOf | undefined;

/**
 * From now on the functions use these items. They wire their store when they are loaded, so this must be called before.
 * @public
 */
export const useItems = (itemsOf: ItemsOf): void => {
  given = itemsOf;
};

export const givenItems = (): ItemsOf | undefined => given;

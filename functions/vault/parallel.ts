/**
 * Runs `work` for all `items`, at most `width` at a time, and returns the results in the order of
 * the items. After a failure, starts nothing new, waits for what is running, and throws the failure
 * of the earliest item. That way the same faults always produce the same answer.
 */
export const inParallel = async <Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results = new Array<Result>(items.length);
  const failures: { readonly index: number; readonly error: unknown }[] = [];
  const entries = items.entries();
  const lane = async () => {
    for (const [index, item] of entries) {
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push({ index, error });
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  failures.sort((a, b) => a.index - b.index);
  if (failures[0]) throw failures[0].error;
  return results;
};

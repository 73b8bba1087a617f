/**
 * Runs `work` for all `items`, at most `width` at once, and keeps their order. After a failure no new work
 * begins, and the running work is awaited; then the failure of the earliest item is thrown, so that the same
 * faults always give the same answer.
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

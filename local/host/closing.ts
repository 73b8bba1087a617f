export type Closer = () => void | Promise<void>;

/**
 * Calls the closers, the last first, and leaves the list empty. Each is called even if another one failed. Throws the
 * first error.
 */
export const closeAll = async (closers: Closer[]): Promise<void> => {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
};

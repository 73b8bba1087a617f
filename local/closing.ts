export type Closer = () => void | Promise<void>;

/**
 * Closes what was opened, the last first, and leaves the list empty. Each is closed, whatever became of the others;
 * throws what the first that failed threw.
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

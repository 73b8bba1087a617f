/** Prints the figure of a proof beside Jest's own lines, for the table in docs/guarantees.md. */
export const printFigure = (property: string, figure: string): void => {
  process.stdout.write(`figure · ${property}: ${figure}\n`);
};

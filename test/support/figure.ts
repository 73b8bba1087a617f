/** Prints what a proof came to, beside Jest's own lines: a figure of the table in docs/guarantees.md. */
export const printFigure = (property: string, figure: string): void => {
  process.stdout.write(`figure · ${property}: ${figure}\n`);
};

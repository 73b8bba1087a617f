/** Prints the figure of a proof beside Jest’s own lines. */
export const printFigure = (property: string, figure: string): void => {
  process.stdout.write(`figure · ${property}: ${figure}\n`);
};

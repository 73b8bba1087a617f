/** Prints a figure that a proof has measured, on a line between those that Jest prints. */
export const printFigure = (property: string, figure: string): void => {
  process.stdout.write(`figure · ${property}: ${figure}\n`);
};

/** Summarises times in milliseconds: how many there are, their median and the longest. */
export const describeTimes = (times: readonly number[]): string => {
  const sorted = [...times].sort((a, b) => a - b);
  const [median = 0, longest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return `${sorted.length} times, median ${seconds(median)}, longest ${seconds(longest)}`;
};

/** A number of bytes for people. */
export const bytesOf = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const rounded = bytes / 1_000 ** step;
  return `${rounded >= 100 || step === 0 ? Math.round(rounded) : rounded.toFixed(1)} ${units[step]}`;
};

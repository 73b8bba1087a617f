/** Makes random values in the page. */

/** Fills an array with random numbers, as `crypto.getRandomValues` does. */
type Fill = (numbers: Uint32Array<ArrayBuffer>) => unknown;

/** A text of random characters, for which each character of the alphabet has the same chance. */
export const randomText = (length: number, alphabet: string, fill: Fill): string => {
  // The numbers from here on would make the first characters of the alphabet more likely.
  const fair = 2 ** 32 - (2 ** 32 % alphabet.length);
  const numbers = new Uint32Array(1);
  const next = (): string => {
    do fill(numbers);
    while ((numbers[0] ?? 0) >= fair);
    return alphabet[(numbers[0] ?? 0) % alphabet.length] ?? '';
  };
  return Array.from({ length }, next).join('');
};

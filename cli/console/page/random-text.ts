/** Generates random values in the page. */

/** Fills an array with random numbers, as `crypto.getRandomValues` does. */
type Fill = (numbers: Uint32Array<ArrayBuffer>) => unknown;

/** Returns a random text in which every character of the alphabet is equally likely. */
export const randomText = (length: number, alphabet: string, fill: Fill): string => {
  // Numbers from here on are drawn again, because the modulo would favour the first characters of
  // the alphabet.
  const fair = 2 ** 32 - (2 ** 32 % alphabet.length);
  const numbers = new Uint32Array(1);
  const next = (): string => {
    do fill(numbers);
    while ((numbers[0] ?? 0) >= fair);
    return alphabet[(numbers[0] ?? 0) % alphabet.length] ?? '';
  };
  return Array.from({ length }, next).join('');
};

import { randomBytes } from 'node:crypto';

const run = randomBytes(6).toString('hex');
let names = 0;
/** Returns a secret name that no other test uses, in this run or any other. */
export const freshName = (word = 'NAME'): string => {
  names += 1;
  return `${word}_${run}_${names}`;
};

/** How a test waits for a line that a program prints. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { lineOf, runFile } from '../../support/local-process.ts';

it('waiting for a line finds one that a program prints just before it ends', async () => {
  const { child, exit } = runFile('-e', [''], {});
  await exit;
  const output: string[] = [];
  const ended = sleep(1).then(() => {
    output.push('the token');
    return 0;
  });
  const process = { child, output, errors: [], exit: ended };
  expect(await lineOf(process, /^the (.*)$/)).toBe('token');
});

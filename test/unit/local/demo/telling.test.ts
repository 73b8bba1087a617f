import { expect, it } from '@jest/globals';
import { vaultError } from '../../../../client/errors.ts';
import { createTelling } from '../../../../local/demo/telling.ts';

const refusal = vaultError({
  ...{ code: 'not_found', message: 'there is no secret A', retryable: false },
  ...{ mayHaveEffect: false, idempotencyKey: undefined, status: 404 },
});

const begin = () => {
  const lines: string[] = [];
  return { lines, ...createTelling((line) => lines.push(line.replace(/\d+\.\d s\]/, 'T s]'))) };
};

it('the demo has numbered titles, prints ok for each claim that holds, and passes if all do', async () => {
  const { lines, scene, check, note, end } = begin();
  await scene('A node dies', async () => {
    check('the others go on', true);
    note('by the way');
  });
  await scene('It returns', async () => check('nothing is lost', true));
  expect(end()).toBe(true);
  expect(lines).toEqual([
    '\n 1. A node dies  [T s]',
    '    ok      the others go on',
    '            by the way',
    '\n 2. It returns  [T s]',
    '    ok      nothing is lost',
    '\n2 checks, all passed, in 0 s',
  ]);
});

it('the demo fails if a claim does not hold or the vault refuses a request, and goes on', async () => {
  const { lines, scene, check, end } = begin();
  await scene('A node dies', async () => {
    check('the others go on', false);
    throw refusal;
  });
  await scene('It returns', async () => check('nothing is lost', true));
  expect(end()).toBe(false);
  expect(lines).toEqual([
    '\n 1. A node dies  [T s]',
    '    FAILED  the others go on',
    '    FAILED  the vault refused a request: not_found, there is no secret A',
    '\n 2. It returns  [T s]',
    '    ok      nothing is lost',
    '\n3 checks, 2 FAILED, in 0 s',
  ]);
});

it('the demo ends with an error that does not come from the vault', async () => {
  const { scene } = begin();
  const play = () => Promise.reject(new Error('no cluster runs'));
  await expect(scene('A node dies', play)).rejects.toThrow('no cluster runs');
});

import { describe, expect, it } from '@jest/globals';
import { becomesTrue } from '../../../../local/demo/nodes.ts';
import { createTelling } from '../../../../local/demo/telling.ts';

describe('the output of a demo', () => {
  it('has numbered titles, prints ok or FAILED for each claim, and counts both', () => {
    const lines: string[] = [];
    const { title, check, note, counts } = createTelling(
      (line) => lines.push(line),
      () => 12_345,
    );
    title('A node dies');
    check('the others go on', true, 'done: 4');
    check('nothing is lost', false, 'done: 3, timed_out: 1');
    note('by the way');
    title('It returns');
    expect(lines).toEqual([
      '\n 1. A node dies  [12.3 s]',
      '    ok      the others go on',
      '    FAILED  nothing is lost',
      '            seen: done: 3, timed_out: 1',
      '            by the way',
      '\n 2. It returns  [12.3 s]',
    ]);
    expect(counts()).toEqual({ checks: 2, failed: 1 });
  });
});

describe('becomesTrue', () => {
  it('resolves as soon as the condition holds, even if an earlier check of it has thrown', async () => {
    let asked = 0;
    const begun = performance.now();
    const isTrue = await becomesTrue(60_000, async () => {
      asked += 1;
      if (asked === 1) throw new Error('not there yet');
      return asked === 3;
    });
    expect(isTrue).toBe(true);
    expect(asked).toBe(3);
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  it('resolves to false at the time limit if the condition never holds', async () => {
    expect(await becomesTrue(120, () => false)).toBe(false);
  });
});

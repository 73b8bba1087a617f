import { expect, it } from '@jest/globals';
import { createProgress } from '../../../../host/backup/progress.ts';

it.each([
  [
    'one line that is drawn again and again, at a terminal',
    true,
    'xterm',
    ['\r\x1b[2K', 'wrote 4 items'],
  ],
  ['a line every five seconds at a terminal that is dumb', true, 'dumb', []],
  ['a line every five seconds where there is no terminal', false, 'xterm', []],
])('the progress of a backup is %s', (_, isTTY, term, soon) => {
  const seen: string[] = [];
  let now = 0;
  const progress = createProgress({ isTTY, write: (text) => seen.push(text) }, term, () => now);
  const count = progress.counter('wrote');
  for (const at of [0, 1_000, 5_000]) {
    now = at;
    count(2);
    if (at === 1_000) expect(seen).toEqual(soon);
  }
  progress.end();
  const drawn = [...soon, '\r\x1b[2K', 'wrote 6 items', '\r\x1b[2K'];
  expect(seen).toEqual(soon.length > 0 ? drawn : ['wrote 6 items\n']);
});

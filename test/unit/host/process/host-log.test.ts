import { execFileSync } from 'node:child_process';
import { expect, it } from '@jest/globals';

// All lines but the first wait for the end of a turn that never ends.
const program = `
  import { createHostLog } from './host/process/host-log.ts';
  const write = (level, lines) => process.stdout.write(lines);
  const { openJournal } = createHostLog({}, { write });
  for (const requestId of ['r-1', 'r-2', 'r-3']) {
    void openJournal('get-secret', requestId).close({ status: 200, error: undefined, elapsedMs: 1 });
  }
  process.exit(0);
`;

it('a process that exits at once has written every line of its log', () => {
  const words = ['--input-type=module', '--eval', program];
  const written = execFileSync(process.execPath, words, { encoding: 'utf8' });
  const ids = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).requestId);
  expect(ids).toEqual(['r-1', 'r-2', 'r-3']);
});

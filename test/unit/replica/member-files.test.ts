import { describe, expect, it } from '@jest/globals';
import { findLostFiles } from '../../../local/replica/member-files.ts';

const line = (level: string, msg: string) => JSON.stringify({ level, msg });

describe('a member of the log that ended', () => {
  it.each([
    ['exit code 1', line('fatal', 'discovery failed: member 1 has already been bootstrapped')],
    ['exit code 2', 'panic: tocommit(107) is out of range [lastIndex(92)]. Was the log lost?'],
    ['exit code 1', line('panic', 'failed to recover v3 backend from snapshot')],
  ])('has lost its files: %s, %s', (how, said) => {
    expect(findLostFiles(how, `${line('warn', 'it began')}\n${said}\n`)).toBeDefined();
  });

  it.each([
    ['was killed', 'SIGKILL', line('fatal', 'failed to read WAL, cannot be repaired')],
    ['warned of a broken connection', 'exit code 1', line('warn', 'lost stream: unexpected EOF')],
    ['could not listen', 'exit code 1', line('fatal', 'bind: address already in use')],
    ['said nothing', 'exit code 1', ''],
  ])('keeps its files if it %s', (_, how, said) => {
    expect(findLostFiles(how, said)).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { run } from '../../../../host/process/run.ts';

describe('run', () => {
  it('returns the trimmed output of the program', async () => {
    expect(await run('sh', ['-c', 'cat; echo " said "'], { input: 'given' })).toBe('given said');
  });

  it('succeeds if the program does not read its input', async () => {
    expect(await run('sh', ['-c', 'exec <&-; echo done'], { input: 'x'.repeat(1_000_000) })).toBe(
      'done',
    );
  });

  it('throws an error with the last line that a failing program printed', async () => {
    const failed = run('sh', ['-c', 'echo one; echo two >&2; exit 3']);
    await expect(failed).rejects.toThrow(/^sh -c failed: two$/);
  });

  it('throws a user-facing error if the program does not exist or does not end in time', async () => {
    const absent = run('no-such-program-here', []);
    await expect(absent).rejects.toThrow('no-such-program-here  failed: there is no such program');
    const late = run('sleep', ['60'], { timeoutMs: 50 });
    await expect(late).rejects.toThrow('sleep 60 failed: it did not end within 0.05 s');
  });
});

import { describe, expect, it } from '@jest/globals';
import { readCommandLine } from '../../../../local/process/program.ts';

const line = {
  name: 'npm run example',
  does: 'is an example',
  forms: [['', '']],
  options: { folder: { value: 'FOLDER', does: 'where' }, loud: { does: 'how' } },
  examples: [],
} as const;
const wordy = { ...line, takesWords: true, passesOnAfter: 'aws' } as const;

describe('a command line', () => {
  it('gives the options that were set, and nothing for the others', () => {
    expect(readCommandLine(line, [])).toEqual({ words: [], options: {} });
    expect(readCommandLine(line, ['--folder', 'a', '--loud'])).toEqual({
      words: [],
      options: { folder: 'a', loud: true },
    });
  });

  it.each([['--help'], ['-h'], ['--loud', '--help']])('asks for the usage with %j', (...args) => {
    expect(readCommandLine(line, args)).toBeUndefined();
  });

  it('keeps everything unchanged after a word that passes it on', () => {
    const args = ['aws', 's3', '--help', '--nonsense'];
    expect(readCommandLine(wordy, args)).toEqual({ words: args, options: {} });
    expect(readCommandLine(wordy, ['s3', 'ls'])).toEqual({ words: ['s3', 'ls'], options: {} });
  });

  it.each([
    [['--colour'], "Unknown option '--colour'"],
    [['word'], "unexpected argument 'word'"],
    [['--folder'], "Option '--folder <value>' argument missing"],
    [['--folder', '--loud'], "Option '--folder' argument is ambiguous"],
    [['--loud=yes'], "Option '--loud' does not take an argument"],
  ])('fails in one sentence: %j', (args, sentence) => {
    const refused = expect.objectContaining({
      message: `${sentence}; --help shows how it is used`,
      exitCode: 2,
    });
    expect(() => readCommandLine(line, args)).toThrow(refused);
  });
});

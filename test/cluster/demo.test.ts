import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { runLocal } from '../support/local-process.ts';

describe('npm run demo', () => {
  it('passes every check of its story, says how many checks there were, and leaves no folder behind', async () => {
    const { exit, output, errors } = runLocal('demo', [], {});
    expect(await exit).toBe(0);
    expect(errors).toEqual([]);
    const claims = output.filter((line) => /^ {4}(ok|FAILED) /.test(line));
    expect(claims.filter((line) => line.includes('FAILED'))).toEqual([]);
    expect(output.at(-1)).toMatch(new RegExp(`^${claims.length} checks, all passed, in \\d+ s$`));
    const [, folder = ''] = /starts in (.+)$/.exec(output[0] ?? '') ?? [];
    expect(folder).toMatch(/vault-demo-/);
    expect(existsSync(folder)).toBe(false);
  });
});

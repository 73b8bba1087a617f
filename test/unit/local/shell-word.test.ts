import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { folderSetting, shellWord } from '../../../local/shell-word.ts';

describe('a path in a command that is to be copied', () => {
  it('stands as it is where a shell reads it so', () => {
    expect(shellWord('/srv/vault-1/a.b')).toBe('/srv/vault-1/a.b');
  });

  it.each(['/a b', "/it's", '/$HOME', '/a;b', '/`id`', '/*', '~', '', '/a\nb', '/ä'])(
    'is read by a shell as it is: %j',
    (path) => {
      const read = execFileSync('bash', ['-c', `printf %s ${shellWord(path)}`], {
        encoding: 'utf8',
      });
      expect(read).toBe(path);
    },
  );

  it('appears only where it is not the preset folder', () => {
    expect(folderSetting({}, '/a b')).toBe('');
    expect(folderSetting({ VAULT_DATA_DIR: 'b' }, '/a b')).toBe("VAULT_DATA_DIR='/a b' ");
  });
});

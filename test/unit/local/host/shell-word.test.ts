import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { folderSetting, shellWord } from '../../../../local/host/data-folder.ts';

describe('a path in a command to copy', () => {
  it('stays unquoted if a shell reads it unchanged', () => {
    expect(shellWord('/srv/vault-1/a.b')).toBe('/srv/vault-1/a.b');
  });

  it.each(['/a b', "/it's", '/$HOME', '/a;b', '/`id`', '/*', '~', '', '/a\nb', '/ä'])(
    'reaches a shell unchanged: %j',
    (path) => {
      const read = execFileSync('bash', ['-c', `printf %s ${shellWord(path)}`], {
        encoding: 'utf8',
      });
      expect(read).toBe(path);
    },
  );

  it('appears only if it is not the default folder', () => {
    expect(folderSetting({}, '/a b')).toBe('');
    expect(folderSetting({ VAULT_DATA_DIR: 'b' }, '/a b')).toBe("VAULT_DATA_DIR='/a b' ");
  });
});

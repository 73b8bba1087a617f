/** How messages spell commands in a checkout and in the image. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { asTypedHere, folderSetting } from '../../../../host/process/commands.ts';

const image = { VAULT_IN_IMAGE: 'yes' };

describe('a command in a message', () => {
  it('is written as for a checkout unless the program runs in the image', () => {
    expect(asTypedHere('run npm start or npm run token -- --sub a', {})).toBe(
      'run npm start or npm run token -- --sub a',
    );
  });

  it.each([
    ['npm start', 'node host/bin/start.ts'],
    ['npm start --', 'node host/bin/start.ts'],
    ['$(npm run -s token -- --sub a)', '$(node host/bin/token.ts --sub a)'],
    ['run npm run restore again', 'run node host/bin/restore.ts again'],
    ['npm run -s cluster -- init ./c', 'node host/bin/init.ts ./c'],
    ['npm run node -- host/bin/key.ts status', 'node host/bin/key.ts status'],
    ['npm run token without VAULT_DATA_DIR', 'docker compose run --rm init token'],
    ['npm run cluster starts three', 'docker compose up starts three'],
  ])('is translated for the image: %s', (text, typed) => {
    expect(asTypedHere(text, image)).toBe(typed);
  });

  it('names a program that exists in the image, in every message of host/', () => {
    // These three files are left out: the image does not use the first two to start programs, and
    // the third is the module under test.
    const elsewhere = /launch\.js|preflight\.js|process\/commands\.ts/;
    const lines = globSync('host/**/*.{ts,js}')
      .filter((file) => !elsewhere.test(file))
      .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
      .filter((line) => /\bnpm /.test(line) && !/^\s*(?:\*|\/\/|\/\*\*)/.test(line));
    expect(lines.length).toBeGreaterThan(20);
    const typed = lines.map((line) => asTypedHere(line, image));
    const named = typed.flatMap((line) => line.match(/host\/bin\/\w+\.ts/g) ?? []);
    expect(typed.filter((line) => /\bnpm /.test(line))).toEqual([]);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe('VAULT_DATA_DIR before a command', () => {
  it('is omitted for the default folder, and in a container that sets the variable', () => {
    expect(folderSetting({}, '/a b')).toBe('');
    expect(folderSetting({ VAULT_DATA_DIR: 'b' }, '/a b')).toBe("VAULT_DATA_DIR='/a b' ");
    expect(folderSetting({ VAULT_DATA_DIR: 'b', ...image }, '/a b')).toBe('');
  });
});

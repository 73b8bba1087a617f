/** Token commands; e2e/cli/scripts/token-command.txt keeps and renews their tokens. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { runTokenCommand, tokenOfCommand, wordsOf } from '../../../cli/requests/token-command.ts';
import { ed25519, signToken } from '../../support/issuer.ts';
import { freshFolder } from '../../support/local-process.ts';

const key = ed25519();
const jwt = (claims: object): string => signToken({ alg: 'EdDSA' }, claims, key);

describe('wordsOf', () => {
  const split = (text: string): readonly string[] => wordsOf(text, 'X');

  it('splits a token command at blanks, and keeps the text in quotes together', () => {
    expect(split('kubectl create token deployer --duration 10m')).toEqual([
      ...['kubectl', 'create', 'token', 'deployer', '--duration', '10m'],
    ]);
    expect(split(` a  "b c"'d  e'f\t'' "'" '"$\\' "\n"\n`)).toEqual([
      ...['a', 'b cd  ef', '', "'", '"$\\', '\n'],
    ]);
  });

  it.each([
    ...['a | b', 'a > b', 'a; b', '$a', 'a "$b"', 'a `b`', 'a\\ b', 'a *', '~/a', "a 'b", 'a "b'],
    ...['a\nb', '(a)', 'a #b', 'a {b,c}', 'a!'],
  ])('rejects %s, which a shell would not only split', (text) => {
    const sentence = 'X is run without a shell: put special characters in single quotes';
    expect(() => split(text)).toThrow(sentence);
  });

  it('returns the words that a shell reads, for each text that it accepts', () => {
    const parts = [...'aé=/ \t\'"$\\|~#*\n!', "'b c'", '"d e"'];
    const texts = fc
      .array(fc.constantFrom(...parts), { maxLength: 12 })
      .map((some) => some.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        let words: readonly string[];
        try {
          words = split(text);
        } catch {
          return;
        }
        const script = `for word in ${text.trim()}; do printf '%s\\0' "$word"; done`;
        const printed = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
        expect(printed).toBe(words.map((word) => `${word}\0`).join(''));
      }),
    );
  });
});

describe('runTokenCommand', () => {
  const sh = (script: string) => ['sh', '-c', script];

  it('returns the printed JWT without the blanks around it', () => {
    const token = jwt({});
    expect(runTokenCommand(sh(`echo; echo ' ${token} '`), 'X')).toBe(token);
  });

  const noName = 'begins with no name or absolute path of a program';
  const noJwt = 'printed no JWT';
  const tooLong = 'printed more than a token of 8 KiB';
  it.each<[string, readonly string[], string, number?]>([
    ['is not on the PATH', ['c4n4ry-command'], 'was not found'],
    ['has the name of no program', [''], noName],
    ['is empty', [], noName],
    ['is relative to a folder', ['./c4n4ry'], noName],
    ['is no program', ['/dev/null'], 'cannot be run (EACCES)'],
    ['fails', sh(`echo ${jwt({})}; exit 3`), 'ended with exit code 3'],
    ['is killed', sh('kill -9 $$'), 'ended with SIGKILL'],
    ['prints nothing', sh('true'), noJwt],
    ['prints another token', sh('echo c4n4ry.is.opaque'), noJwt],
    ['prints two tokens', sh(`echo ${jwt({})}; echo ${jwt({})}`), noJwt],
    ['prints more than a token', sh('yes c4n4ry 2> /dev/null'), tooLong],
    ['reads stdin', ['cat'], noJwt],
    ['does not end', ['sleep', '60'], 'did not end within 0.1 s', 100],
  ])('denies access and repeats nothing if the command %s', (_, words, sentence, ...[limitMs]) => {
    const denied = { exitCode: 5, message: `the token command of X ${sentence}` };
    expect(() => runTokenCommand(words, 'X', limitMs)).toThrow(expect.objectContaining(denied));
  });

  it('runs the command in the root folder, and gives it no token for a dsvault that it starts', () => {
    const told = join(freshFolder(), 'told');
    runTokenCommand(sh(`echo "$PWD $DSVAULT_TOKEN" > ${told}; echo ${jwt({})}`), 'X');
    expect(readFileSync(told, 'utf8')).toBe('/ none\n');
  });
});

describe('tokenOfCommand', () => {
  const nowS = 1_800_000_000;
  const now = () => nowS * 1_000;
  const inS = (seconds: number) => jwt({ exp: nowS + seconds });
  let folder: string;
  let kept: string;
  beforeEach(() => {
    folder = freshFolder();
    kept = join(folder, 'cache/dsvault/tokens');
    process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
  });
  afterEach(() => {
    delete process.env['XDG_CACHE_HOME'];
  });

  const open = () => {
    const script = `echo run >> ${folder}/runs; cat ${folder}/token`;
    return tokenOfCommand(['sh', '-c', script], 'X', 'http://a', now);
  };
  /** The command prints this token from now on. */
  const prints = (token: string) => writeFileSync(join(folder, 'token'), token);
  const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').split('\n').length - 1;
  const files = (): string[] =>
    existsSync(kept) ? readdirSync(kept).map((name) => join(kept, name)) : [];
  const onlyFile = (): string => {
    expect(files()).toHaveLength(1);
    return files()[0] ?? '';
  };

  it.each([
    ['in 30 s', { exp: nowS + 30 }],
    ['never', {}],
  ])('uses but does not keep a token that expires %s', (_, claims) => {
    prints(jwt(claims));
    expect([open().read(), open().read()]).toEqual([jwt(claims), jwt(claims)]);
    expect([runs(), files()]).toEqual([2, []]);
  });

  it('replaces a kept token 30 s before it expires', () => {
    prints(inS(600));
    open().read();
    writeFileSync(onlyFile(), inS(30));
    expect(open().read()).toBe(inS(600));
    expect(runs()).toBe(2);
  });

  const link = (file: string) => {
    renameSync(file, `${folder}/elsewhere`);
    symlinkSync(`${folder}/elsewhere`, file);
  };
  const damages: [string, (file: string) => void][] = [
    ['is readable for the group', (file) => chmodSync(file, 0o640)],
    ['is writable for all', (file) => chmodSync(file, 0o602)],
    ['is a link', link],
    ['has no JWT', (file) => writeFileSync(file, inS(600).replace(/^[^.]+/, 'c4n4ry'))],
  ];
  // Only root can change the owner of a file.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) damages.push(['is of another user', (file) => chownSync(file, 12_345, 12_345)]);
  it.each(damages)('replaces a file that %s, and does not send its token', (_, damage) => {
    prints(inS(600));
    open().read();
    damage(onlyFile());
    prints(inS(700));
    expect([open().read(), open().read()]).toEqual([inS(700), inS(700)]);
    expect(runs()).toBe(2);
  });

  it('uses a token that it cannot keep', () => {
    process.env['XDG_CACHE_HOME'] = '/dev/null';
    prints(inS(600));
    expect([open().read(), open().read()]).toEqual([inS(600), inS(600)]);
    expect(runs()).toBe(2);
  });

  it('renews a kept token once', () => {
    prints(inS(600));
    open().read();
    prints(inS(700));
    const next = open();
    expect([next.read(), next.renew(), next.read(), next.renew()]).toEqual([
      ...[inS(600), true],
      ...[inS(700), false],
    ]);
  });

  it('runs the command again for a long process whose token has expired', () => {
    let lateMs = 0;
    const late = () => now() + lateMs;
    const long = tokenOfCommand(['cat', join(folder, 'token')], 'X', 'http://a', late);
    prints(inS(40));
    expect(long.read()).toBe(inS(40));
    prints(inS(700));
    lateMs = 39_999;
    expect(long.read()).toBe(inS(40));
    lateMs = 40_000;
    expect(long.read()).toBe(inS(700));
  });
});

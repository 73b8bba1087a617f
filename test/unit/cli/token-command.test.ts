/** Token commands. e2e/cli/scripts/token-command.txt covers keeping and renewing their tokens. */
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
import { itAsRoot } from '../../support/needs.ts';

const key = ed25519();
const jwt = (claims: object): string => signToken({ alg: 'EdDSA' }, claims, key);

describe('wordsOf', () => {
  const split = (text: string): readonly string[] => wordsOf(text, 'X');

  it.each([
    ...['a | b', 'a > b', 'a; b', '$a', 'a "$b"', 'a `b`', 'a\\ b', 'a *', '~/a', "a 'b", 'a "b'],
    ...['a\nb', '(a)', 'a #b', 'a {b,c}', 'a!'],
  ])('rejects %s, because a shell would do more than split it', (text) => {
    const sentence = 'X is run without a shell: put special characters in single quotes';
    expect(() => split(text)).toThrow(sentence);
  });

  it('returns the same words as a shell for each text that it accepts', () => {
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

  it('returns the printed JWT without surrounding white space', () => {
    const token = jwt({});
    expect(runTokenCommand(sh(`echo; echo ' ${token} '`), 'X')).toBe(token);
  });

  const noJwt = 'did not print a JWT: its stdout must be one JWT and nothing else';
  const tooLong = 'printed more than 8 KiB: its stdout must be one JWT and nothing else';
  it.each<[string, readonly string[], string, number?]>([
    ['is empty', [], 'must begin with the name of a program or its absolute path: write it there'],
    [
      'is not a program',
      ['/dev/null'],
      'cannot be run (EACCES): its program must be an executable file',
    ],
    ['is killed', sh('kill -9 $$'), 'ended with SIGKILL: run it by itself to see why'],
    ['prints a token that is not a JWT', sh('echo c4n4ry.is.opaque'), noJwt],
    ['prints two tokens', sh(`echo ${jwt({})}; echo ${jwt({})}`), noJwt],
    ['prints more than a token', sh('yes c4n4ry 2> /dev/null'), tooLong],
    ['reads stdin', ['cat'], noJwt],
    ['does not end', ['sleep', '60'], 'did not end within 0.1 s: run it by itself to see why', 100],
  ])(
    'denies access without repeating any output if the command %s',
    (_, words, sentence, ...[limitMs]) => {
      const denied = { exitCode: 5, message: `the token command of X ${sentence}` };
      expect(() => runTokenCommand(words, 'X', limitMs)).toThrow(expect.objectContaining(denied));
    },
  );

  it('runs the command in the root folder, without a token for any dsvault that it starts', () => {
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
  /** Makes the command print this token from now on. */
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
  const expectReplaced = (damage: (file: string) => void) => {
    prints(inS(600));
    open().read();
    damage(onlyFile());
    prints(inS(700));
    expect([open().read(), open().read()]).toEqual([inS(700), inS(700)]);
    expect(runs()).toBe(2);
  };
  it.each<[string, (file: string) => void]>([
    ['is readable for the group', (file) => chmodSync(file, 0o640)],
    ['is writable for all', (file) => chmodSync(file, 0o602)],
    ['is a link', link],
    ['does not contain a JWT', (file) => writeFileSync(file, inS(600).replace(/^[^.]+/, 'c4n4ry'))],
  ])('replaces a kept token whose file %s, and does not send it', (_, damage) =>
    expectReplaced(damage),
  );
  itAsRoot('replaces a kept token whose file is of another user, and does not send it', () =>
    expectReplaced((file) => chownSync(file, 12_345, 12_345)),
  );

  it('uses a token even if it cannot be kept', () => {
    process.env['XDG_CACHE_HOME'] = '/dev/null';
    prints(inS(600));
    expect([open().read(), open().read()]).toEqual([inS(600), inS(600)]);
    expect(runs()).toBe(2);
  });

  it('runs the command again once the token that it has in memory has expired', () => {
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

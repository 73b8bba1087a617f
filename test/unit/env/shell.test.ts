import { describe, expect, it } from '@jest/globals';
import { reasonsOf } from '../../support/env-refusals.ts';
import { contentOf, faultsOf, plan, render } from '../../support/env-runs.ts';
import { readWithBash } from '../../support/shells.ts';
import readers from '../../vectors/env-readers.json' with { type: 'json' };

const written = (line: string, value: string) =>
  contentOf(line, { mode: 'expand', secrets: { X: value } });

const disagreeing = (text: string) => render(text).warnings.map(({ line }) => line);

describe('the writer for shells', () => {
  it.each([
    ['a plain value bare', 'azAZ09_./:@%+,-=', 'A=azAZ09_./:@%+,-='],
    ['a value that begins with an equals sign in quotes', '=a', `A='=a'`],
    ['a value in which zsh would insert the path of a command in quotes', 'x:=ls', `A='x:=ls'`],
    ['an empty value in quotes', '', `A=''`],
    ['a value with a blank in quotes', 'a b', `A='a b'`],
    ['a value with a letter outside ASCII in quotes', 'é', `A='é'`],
    ['a value that ends in a newline in quotes', 'a\n', `A='a\n'`],
    ['any other value in single quotes', '$a `b` "c" \\\n\r\t', `A='$a \`b\` "c" \\\n\r\t'`],
    ['a value with an apostrophe in double quotes', `'$"\`\\\n!`, `A="'\\$\\"\\\`\\\\\n!"`],
    [
      'a value in double quotes if no escape follows a letter outside ASCII',
      `é'é "`,
      `A="é'é \\""`,
    ],
    [
      'a value in single quotes if an escape would follow a letter outside ASCII',
      `中'é"`,
      `A='中'\\''é"'`,
    ],
  ])('writes %s', (_, value, line) => {
    expect(written('A=secret(X)\n', value)).toBe(`${line}\n`);
  });

  it('removes blanks around the equals sign and keeps the rest of the line', () => {
    expect(written(`\t export  A \t= 'secret(X)' \t# it's\n`, 'v')).toBe(
      `\t export  A=v \t# it's\n`,
    );
    expect(written('A="secret(X)"', 'v')).toBe('A=v');
  });

  it('refuses a value in a file that will be expanded later if the grammar would read another value', () => {
    const text = 'A=secret(X)\nB=enc(N)\n';
    const options = { values: { N: '1' }, secrets: { X: `it's é"` } };
    expect(reasonsOf(() => contentOf(text, options))).toEqual(['1 expanded_later']);
  });

  it('refuses a value with NUL', () => {
    const work = () => written('A=1\nB=x-secret(X)\n', 'a\0');
    expect(faultsOf(work)).toEqual(['2:5 not_representable']);
  });
});

describe('a line that cannot be written for a shell', () => {
  it.each([
    ['on a CRLF line', 'B=1\r\nA=x-secret(X)\r\n', ['2:5 not_representable']],
    ['after a byte order mark', '\uFEFFA=secret(X)\n', ['1:3 not_representable']],
    ['with text that was escaped', '\uFEFFA=\\secret(X)\n', ['1:4 not_representable']],
    ['with a name that bash sets', 'export UID=secret(X)\n', ['1:12 not_representable']],
    ['with a name that zsh sets', 'USERNAME=secret(X)\n', ['1:10 not_representable']],
    [
      'every such line',
      '_=secret(X)\nPPID=secret(X)\n',
      ['1:3 not_representable', '2:6 not_representable'],
    ],
  ])('fails before any secret is read: %s', (_, text, errors) => {
    expect(faultsOf(() => plan(text))).toEqual(errors);
    expect(faultsOf(() => plan(text, { mode: 'expand' }))).toEqual(errors);
    expect(faultsOf(() => plan(text, { mode: 'encrypt' }))).toEqual(['nothing was thrown']);
    expect(faultsOf(() => plan(text, { dialect: 'json' }))).toEqual(['nothing was thrown']);
  });

  it('leaves the other lines of its file writable', () => {
    expect(plan('\uFEFF# c\nA=secret(X)\n').read).toMatchObject([{ name: 'X' }]);
    expect(plan('B=1\r\nA=secret(X)\nC=1\r\n').read).toMatchObject([{ name: 'X' }]);
  });

  const own =
    `_ BASHOPTS BASHPID BASH_ARGV0 BASH_COMMAND BASH_VERSINFO EPOCHSECONDS EUID FUNCNAME GROUPS
    HISTCMD LINENO OPTIND PPID RANDOM SECONDS SHELLOPTS SRANDOM UID`.split(/\s+/);

  it('includes every name whose value bash changes', () => {
    const files = own.map((key) => ({ text: `${key}='va lue'\nZ=1\n`, keys: [key, 'Z'] }));
    for (const [index, values] of readWithBash(files).entries()) {
      // BASH_ARGV0 is given back but not to the programs that bash starts.
      if (own[index] !== 'BASH_ARGV0') expect(values).not.toEqual(['va lue', '1']);
      expect(faultsOf(() => plan(`${own[index]}=secret(X)\n`))).toHaveLength(1);
    }
  });

  it('excludes the names whose values a shell keeps', () => {
    const others = [
      'IFS',
      'PATH',
      'HOME',
      'export',
      'if',
      'time',
      'BASH_ENV',
      'LANG',
      'PS1',
      'PWD',
    ];
    const files = others.map((key) => ({ text: `${key}='va lue'\nZ=1\n`, keys: [key, 'Z'] }));
    for (const [index, values] of readWithBash(files).entries()) {
      expect(values).toEqual(['va lue', '1']);
      expect(plan(`${others[index]}=secret(X)\n`).read).toMatchObject([{ name: 'X' }]);
    }
  });
});

describe('the warning reader_disagrees', () => {
  it.each([
    'A = 1',
    'A= 1',
    'A =1',
    'A=a b',
    'A=$B',
    'A="$B"',
    'A="a\\nb"',
    'A="`b`"',
    'A=`b`',
    'A=a\\b',
    'A=a;b',
    'A=a&b=c',
    'A=a|b',
    'A=<b',
    'A=a>b',
    'A=(b)',
    `A=it's`,
    'A=a"b"',
    'A=~',
    'A=a:~/b',
    'A==ls',
    'A=x:=ls',
    'USERNAME=root',
    'export A={a,b}',
    'A=1\r',
    "A='1'\r",
    '\r',
    ' \r',
    'UID=1',
    'A=a\u00a0b',
    'A=a\u0001',
    'A="é\\\\"',
  ])('appears for %j', (line) => {
    expect(disagreeing(`# c\n${line}\n`)).toEqual([2]);
  });

  it.each([
    'A=1',
    ' \texport \tA=1 \t# $c `d`',
    'A= # c',
    'A=#c',
    'A=a/b.c:d@e%f+g,h=i#j^k!l?m*n[o]{p}q-r',
    'A=é😀',
    `A='$a \`b\` "c" \\ # d'`,
    'A="a \\$b \\` \\" \\\\ \' # ! ~ ; c"',
    'A="1\r\n2"',
    '# c\r',
    ' \t',
    '',
  ])('omits %j', (line) => {
    expect(disagreeing(`# c\n${line}\n`)).toEqual([]);
    const [values] = readWithBash([{ text: `# c\n${line}\nZ=1\n`, keys: ['A', 'Z'] }]);
    const [assignment] = plan(`${line}\n`).file.lines;
    const value = assignment?.kind === 'assignment' ? assignment.value.decoded : undefined;
    expect(values).toEqual([value, '1']);
  });

  it('appears for any first line after a byte order mark', () => {
    expect(disagreeing('\uFEFF# c\nA=1\n')).toEqual([1]);
    expect(disagreeing('\uFEFFA=1\n')).toEqual([1]);
  });

  it('omits lines that the vault writes', () => {
    expect(render('A = secret(X)\n', { secrets: { X: '1' } }).warnings).toEqual([]);
    expect(render('A = \\secret(X)\n').warnings).toEqual([]);
    expect(render('A = enc(X)\nX = 1 2\nB = \\enc(X)\n').warnings).toEqual([]);
    expect(render('A = secret(X)\n', { mode: 'encrypt' }).warnings).toEqual([]);
  });

  it.each(readers.cases.filter(({ errors, bash }) => errors.length === 0 && bash))(
    'appears exactly where bash was measured to disagree: $id',
    ({ input, reads, bash }) => {
      if (/(?:secret|enc)\(/.test(input)) return;
      const agreed = JSON.stringify(sorted(reads)) === JSON.stringify(sorted(bash));
      expect(disagreeing(input).length > 0).toBe(!agreed);
    },
  );
});

const sorted = (map: object | null) =>
  Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

describe('a resolved line below one that a shell reads beyond its end', () => {
  const errors = ['2:3 not_representable'];

  it.each([
    `A=it's`,
    'A=a\\',
    'A=a"b',
    'A=f(x)',
    'A=<b>',
    'A=>1>b',
    'A=a<0>b',
    'A=a> 12<b',
    'A=a;;b',
    'A=a;if b',
    'A=a|',
    'A=a&&',
    'A=$(b',
    'A=$$(b)',
    'A="$$((b"',
    'A="$(b"',
    'A=${b',
    'A="`b"',
    'A=`b',
    'A=$[1',
    'A=a<<b',
    'A=$' + '{b:?c}',
    "A=$'b\\''",
    'A=b exit',
    'A= exit',
    'A=b c[',
    'A=b;c[',
    'A= é[Áa',
    'A=b;cé[',
    'if = b',
    'time = b;(',
    'OPTIND=a b',
    'A=$(if)',
    'A=`if`',
    'A=é\\"b',
    'A="é\\""',
    'A="é`b`"',
    'A=$' + '{B:-é}',
  ])('fails below %j', (line) => {
    expect(faultsOf(() => plan(`${line}\nT=secret(X)\n`))).toEqual(errors);
    expect(plan(`T=secret(X)\n${line}\n`).read).toMatchObject([{ name: 'X' }]);
  });

  it.each([
    'A = 1',
    'A=a b c',
    `A=$B$$ $${'{C}'} $${'{D:-e}'}/f $(hostname -f) \`date\``,
    `A="$B $${'{C}'} $(d) \`e\` $ $"`,
    'A=h/?a=1&b=2&',
    'A=a;b=c;',
    'A=a|b|c',
    'A=a>1b>c>2 >d',
    'A=a\\b\\"c',
    `A=a"b 'c'"'d"e'`,
    'A="a\\nb"',
    'A={"b":"c","d":["e"]}',
    'A=~/b[ * ? [c] d=e[',
    'A=1\r',
    'A=5$',
    'time=5',
    'A="é $B \\" é"',
  ])('reaches bash unchanged below %j', (line) => {
    const value = `it's "$x" \`y\` \\`;
    const { content, warnings } = render(`${line}\nT=secret(X)\n`, { secrets: { X: value } });
    expect(readWithBash([{ text: content, keys: ['T'] }])).toEqual([[value]]);
    expect(warnings).toEqual(line === 'time=5' ? [] : [{ line: 1, code: 'reader_disagrees' }]);
  });

  it('succeeds below a line that the vault will write', () => {
    const text = `A=\\secret(B)\nT=secret(X)\nN=enc(N)\n`;
    expect(plan(text, { values: { N: '1' } }).read).toMatchObject([{ name: 'X' }]);
  });

  it('fails below a comment with an apostrophe after a byte order mark', () => {
    expect(faultsOf(() => plan(`\uFEFF# it's\nT=secret(X)\n`))).toEqual(errors);
  });
});

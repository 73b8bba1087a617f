import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { maskCommands } from '../../../action/commands.ts';
import { entriesOf, reasonAgainst } from '../../../action/exports.ts';
import { commandOf, linesOf, logOf, readEnvironmentFile } from '../../support/actions-runner.ts';
import { anyCharacter } from '../../support/characters.ts';

/** Parts of workflow commands and of entries, from which some of the values are made. */
const part = fc.constantFrom(
  '\n',
  '\r',
  '\r\n',
  '%',
  '%0A',
  '%25',
  '::',
  '=',
  '<<',
  ' ',
  'a',
  'é',
  '😀',
  'dsvault-',
);
const value = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.array(part).map((parts) => parts.join('')),
);
const variables = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/), value), {
    selector: ([name]) => name,
  })
  .map((entries) => new Map(entries));

describe('the entries for GITHUB_ENV', () => {
  it('are read by a runner as exactly the variables', () => {
    fc.assert(
      fc.property(variables, fc.array(fc.nat(3)), (given, draws) => {
        const queue = [...draws];
        // Some of the drawn delimiters also occur in the values.
        const draw = () => ['', 'a', 'é', 'fresh'][queue.shift() ?? 3] ?? '';
        const written = entriesOf(given, draw);
        expect([...readEnvironmentFile(written)]).toEqual([...given]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('end with a delimiter that no value contains, even if delimiters that values contain are drawn first', () => {
    const draws = ['1', '2', '3'];
    const given = new Map([
      ['A', 'x\ndsvault-1\nNODE_OPTIONS=y'],
      ['B', 'dsvault-2'],
    ]);
    expect(readEnvironmentFile(entriesOf(given, () => draws.shift() ?? ''))).toEqual(given);
    expect(draws).toEqual([]);
  });
});

describe('the masks of values', () => {
  it('hide each value and each of its lines, unless it is blank, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const printed = maskCommands(values);
        const commands = linesOf(printed).map(commandOf).slice(0, -1);
        const wanted = values.flatMap((text) => [text, ...linesOf(text)]);
        expect(new Set(commands.map((command) => command?.data))).toEqual(
          new Set(wanted.filter((text) => text.trim() !== '')),
        );
        expect(logOf(printed)).toBe('');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the export of variables', () => {
  it('refuses names that affect programs of later steps, in upper or lower case', () => {
    const names = [
      ...[
        'PATH',
        'Path',
        'HOME',
        'NODE_OPTIONS',
        'node_options',
        'LD_PRELOAD',
        'DYLD_LIBRARY_PATH',
      ],
      ...['BASH_ENV', 'ENV', 'IFS', 'SHELLOPTS', 'GITHUB_TOKEN', 'GITHUB_ENV', 'RUNNER_TEMP'],
      ...['ACTIONS_RUNTIME_TOKEN', 'INPUT_ADDR', 'STATE_X', 'PYTHONPATH', 'PERL5OPT', 'RUBYOPT'],
      ...['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_CONFIG_COUNT', 'npm_config_script_shell', 'PHPRC'],
      ...['JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS', 'DOTNET_STARTUP_HOOKS', 'CORECLR_PROFILER_PATH'],
      ...[
        'SSL_CERT_FILE',
        'NODE_TLS_REJECT_UNAUTHORIZED',
        'NODE_EXTRA_CA_CERTS',
        'GIT_SSL_NO_VERIFY',
      ],
      ...['GLIBC_TUNABLES', 'USERPROFILE', 'MAVEN_OPTS', 'DSVAULT_TOKEN_COMMAND'],
      ...['OPENSSL_CONF', 'LUA_INIT_5_4', 'RUSTC_WRAPPER', 'GCONV_PATH', '_RLD_LIST'],
    ];
    expect(names.filter((name) => reasonAgainst(name) === undefined)).toEqual([]);
  });

  it('accepts names that only look similar to refused ones', () => {
    const names = [
      ...['MY_PATH', 'PATH_PREFIX', 'ENVIRONMENT', 'DB_ENV', 'OLD_DATA', 'GIT_TOKEN', 'GIT_USER'],
      ...['NODE_ENV', 'NPM_TOKEN', 'HOMEPAGE', 'MY_GITHUB_TOKEN', 'JAVA_HOME', 'SSH_KEY', 'CI'],
      ...['DSVAULT_TOKEN', 'SSL_CERT', 'XDG_STATE_HOME'],
    ];
    expect(names.filter((name) => reasonAgainst(name) !== undefined)).toEqual([]);
  });
});

/**
 * Which tests are run to judge a mutation of a guard in the code, and when test/support/mutate.ts
 * must fail.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { judgesOf, verdictOf } from '../../support/judges.ts';

/**
 * Returns, for each run that judges a mutation of this file, its Jest projects and the words that
 * select their tests, or `tsc`.
 */
const runsFor = (file: string) =>
  judgesOf(file).map((words) => {
    const [, first = ''] = words.join(' ').split(' --selectProjects ');
    return first === '' ? 'tsc' : first.replace(' --testPathPatterns', ':');
  });

describe('the tests that judge a mutation', () => {
  it.each([
    ['cli/commands/run.ts', ['unit: test/unit/cli/', 'e2e: /e2e/.*cli', 'e2e']],
    ['client/sending.ts', ['unit: test/unit/client/', 'e2e: /e2e/.*client', 'e2e']],
    ['action/main.ts', ['unit: test/unit/action/', 'e2e: /e2e/.*action', 'e2e']],
    ['host/bin/key.ts', ['unit: test/unit/host/bin/', 'e2e: /e2e/.*host', 'e2e']],
    ['host/backup/file.ts', ['unit: test/unit/host/backup/', 'e2e: /e2e/.*host', 'e2e']],
    ['system/commit.ts', ['unit: test/unit/system/', 'e2e: /e2e/.*system', 'e2e']],
    ['host/node/joining.ts', ['unit: test/unit/host/node/', 'cluster: joining faults']],
    ['host/node/node.ts', ['unit: test/unit/host/node/', 'cluster: commands faults']],
    [
      'host/etcd/snapshot.ts',
      ['unit: test/unit/host/etcd/', 'cluster: cluster/etcd snapshot contract/'],
    ],
    ['functions/vault/reads.ts', ['unit: test/unit/vault/']],
    ['functions/get-secret.ts', ['e2e: /e2e/.*functions', 'e2e']],
  ])('are found for %s', (file, runs) => {
    const general = runsFor(file).filter((run) => run !== 'tsc' && !run.includes('--findRelated'));
    expect(general).toEqual(runs);
  });

  it.each([
    ['functions/vault/reads.ts', 'unit contract'],
    ['cli/commands/run.ts', 'unit'],
    ['host/bin/key.ts', 'unit contract'],
  ])('include the tests that import the mutated file: %s', (file, projects) => {
    expect(runsFor(file)).toContain(`${projects} --findRelatedTests ${file}`);
  });

  it('are named for every source file, but not for a file of the tests', () => {
    const trees = '{functions,host,local,cli,client,system,action,bench}';
    const files = globSync(`${trees}/**/*.{ts,tsx}`);
    expect(files.length).toBeGreaterThan(200);
    expect(files.filter((file) => judgesOf(file).length < 3)).toEqual([]);
    expect(judgesOf('test/support/mutate.ts')).toEqual([]);
  });

  it('are files that exist', () => {
    const tests = globSync('test/{unit,cluster,contract}/**/*.test.ts');
    const chosen = globSync('{host,local}/**/*.ts').flatMap((file) =>
      judgesOf(file)
        .filter((words) => words.includes('cluster') || words.includes('unit'))
        .flatMap((words) => words.slice(words.indexOf('--testPathPatterns')).slice(1)),
    );
    const words = new Set(chosen.filter((word) => !word.endsWith('.ts')));
    expect(words.size).toBeGreaterThan(10);
    const missing = [...words].filter((word) => !tests.some((test) => test.includes(word)));
    expect(missing).toEqual([]);
  });
});

describe('the verdict on a mutation', () => {
  const failed = (printed: string) => verdictOf({ passed: false, late: false, printed });
  const slow = '  ● a vault › starts\n\n    thrown: "Exceeded timeout of 60000 ms for a test.\n\n';

  const passed = (printed: string) => verdictOf({ passed: true, late: false, printed });
  const reads = '  ● a vault › reads\n\n    expect(received)\n';

  it.each([
    ['noticed', 'a test fails', failed(reads)],
    ['noticed', 'a test fails after one that took too long', failed(slow + reads)],
    ['noticed', 'the run ends without a result', failed('an error of the program\n')],
    ['timed out', 'the only failing test took too long', failed(slow)],
    [
      'timed out',
      'the only failing test took too long and wrote a message',
      failed(`  ● Console\n\n    warning\n\n${slow}`),
    ],
    [
      'timed out',
      'the run took too long',
      verdictOf({ passed: false, late: true, printed: reads }),
    ],
    [
      'not compiled',
      'the compiler finds an error',
      failed('cli/main.ts(3,7): error TS2322: No.\n'),
    ],
    ['passed', 'a test passed', passed('Tests:       3 passed, 3 total\n')],
    ['no test ran', 'no test is chosen', passed('No tests found, exiting with code 0\n')],
    ['no test ran', 'all tests are skipped', passed('Tests:       3 skipped, 3 total\n')],
  ])('is "%s" when %s', (word, _situation, verdict) => {
    expect(verdict).toMatchObject({ word });
  });

  it('names the first failure that is not a timeout', () => {
    const { by } = failed(slow + reads);
    expect(by).toBe('a vault › reads');
  });
});

describe('mutate.ts', () => {
  const mutate = (...words: readonly string[]) => {
    const args = ['test/support/mutate.ts', ...words];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    return { status, stdout, stderr };
  };

  it('mutates one file', () => {
    const { status, stdout } = mutate('functions/crypto/fingerprint.ts', '--most', '1');
    expect(stdout).toMatch(/^noticed .*\n1 of \d+ tried: 1 noticed\n$/);
    expect(status).toBe(0);
  });

  it.each([
    ['package.json', 'package.json has nothing to break, or CONTRIBUTING.md names no tests for it'],
    ['test/support/judges.ts', 'has nothing to break, or CONTRIBUTING.md names no tests for it'],
    ['nosuch', 'nosuch is not a file, a folder or a revision'],
  ])('fails if it mutates nothing: %s', (where, sentence) => {
    const { status, stdout, stderr } = mutate(where);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(sentence);
  });
});

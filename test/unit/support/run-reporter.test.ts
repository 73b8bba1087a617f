/** What a run says about tests that it left out, and when it fails because of them. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import RunReporter from '../../support/run-reporter.ts';

const { CI, TEST_MAY_SKIP } = process.env;
let written: string;
beforeEach(() => {
  written = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const [name, value] of Object.entries({ CI, TEST_MAY_SKIP })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

type Asked = { readonly leftOut?: readonly string[]; readonly testNamePattern?: string };

/** Ends a run of one file with these tests, and returns the error with which it fails. */
const endRun = (
  tests: readonly (readonly [status: string, fullName: string])[],
  { leftOut = [], testNamePattern }: Asked = {},
): Error | undefined => {
  const testFilePath = join(process.cwd(), 'test/unit/any.test.ts');
  const testResults = tests.map(([status, fullName]) => ({ status, fullName }));
  const reporter = new RunReporter(testNamePattern === undefined ? {} : { testNamePattern }, {
    projects: [],
    folder: false,
    leftOut,
  });
  reporter.onRunComplete([], { testResults: [{ testFilePath, testResults, numFailingTests: 0 }] });
  return reporter.getLastError();
};

describe('a run with CI', () => {
  beforeEach(() => {
    process.env['CI'] = 'true';
    process.env['TEST_MAY_SKIP'] = 'its own vault|a colour';
  });

  it.each([
    ['what is not listed', 'reads [needs zsh]', 'because they need zsh'],
    ['only a part of what is listed', 'reads [needs its own]', 'because they need its own'],
    ['nothing that it names', 'reads', 'without a reason'],
  ])('fails and says which test was skipped if it needs %s', (_, title, why) => {
    const error = endRun([
      ['passed', 'writes'],
      ['pending', title],
    ]);
    expect(error?.message).toBe(`skipped ${why}:\n  test/unit/any.test.ts: reads`);
    expect(written).toContain(error?.message);
    expect(written).toContain('CI is set');
  });

  it('fails because of a test that is still to be written', () => {
    expect(endRun([['todo', 'reads']])).toBeDefined();
  });

  it('fails because of suites that were left out', () => {
    const error = endRun([], { leftOut: ['contract/calls'] });
    expect(error?.message).toMatch(/^no dynoxide is installed, .*: contract\/calls$/);
  });

  it('passes if the skipped tests need only what is listed', () => {
    const skipped = ['a vault [needs its own vault] starts', 'shows it [needs a colour]'];
    expect(endRun(skipped.map((title) => ['pending', title] as const))).toBeUndefined();
    expect(written).toBe('');
  });

  it('passes if -t left the tests out', () => {
    expect(endRun([['pending', 'reads']], { testNamePattern: 'writes' })).toBeUndefined();
  });
});

it('a run without CI only says what was skipped, with ten titles for each reason', () => {
  delete process.env['CI'];
  delete process.env['TEST_MAY_SKIP'];
  const skipped = Array.from({ length: 12 }, (_, index) => `${index} [needs zsh]`);
  expect(endRun(skipped.map((title) => ['pending', title] as const))).toBeUndefined();
  expect(written.split('\n').slice(1, 2)).toEqual(['skipped because they need zsh:']);
  expect(written).toContain(': 9\n  and 2 more\n');
  expect(written).not.toContain('CI');
});

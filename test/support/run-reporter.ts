/** What Jest reports and does at the end of a run, and whether the run left out too much. */
import { rmSync } from 'node:fs';
import { relative } from 'node:path';

type Options = {
  /** The projects whose tests generate inputs. */
  readonly projects: readonly string[];
  /** The folder of all temporary files of the run, or false if another process removes it. */
  readonly folder: string | false;
  /** The suites that this machine cannot run. */
  readonly leftOut: readonly string[];
};

type FileResult = {
  readonly testFilePath: string;
  readonly displayName?: { readonly name: string };
  readonly numFailingTests: number;
  readonly testExecError?: unknown;
  readonly testResults: readonly { readonly status: string; readonly fullName: string }[];
};

const titlesMax = 10;
const needed = / \[needs ([^\]]+)\]/;

const skippedIn = ({ testFilePath, testResults }: FileResult) =>
  testResults
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
    .map(({ fullName }) => ({
      title: `${relative('.', testFilePath)}: ${fullName.replace(needed, '')}`,
      need: needed.exec(fullName)?.[1],
    }));

/**
 * A reporter for Jest. It removes the folder of temporary files unless a test failed, and says how
 * to generate the same inputs again if one did. It prints which suites were left out, and which
 * tests were skipped and what they need (needs.ts). With `CI` set the run fails because of them,
 * except for the needs in `TEST_MAY_SKIP`, which are separated by `|`.
 */
export default class RunReporter {
  readonly #testNamePattern: string | undefined;
  readonly #options: Options;
  #leftOut = '';

  constructor({ testNamePattern }: { readonly testNamePattern?: string }, options: Options) {
    this.#testNamePattern = testNamePattern;
    this.#options = options;
  }

  getLastError(): Error | undefined {
    return this.#leftOut !== '' && process.env['CI'] ? new Error(this.#leftOut) : undefined;
  }

  onRunComplete(
    _contexts: unknown,
    { testResults }: { readonly testResults: readonly FileResult[] },
  ): void {
    const { folder, projects } = this.#options;
    this.#leftOut = this.#findLeftOut(testResults).join('\n');
    if (this.#leftOut !== '') {
      const fails = process.env['CI']
        ? 'The run fails, because CI is set and .ci/run does not allow this.\n'
        : '';
      process.stderr.write(`\n${this.#leftOut}\n${fails}`);
    }
    const failed = testResults.filter((one) => one.numFailingTests > 0 || one.testExecError);
    // The folder is removed only when this process ends, because a vault that serves the whole run
    // uses its files until then.
    if (folder && failed.length === 0) {
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    }
    if (folder && failed.length > 0)
      process.stderr.write(`\nThe files of this run are in ${folder}.\n`);
    if (!failed.some(({ displayName }) => projects.includes(displayName?.name ?? ''))) return;
    process.stderr.write(
      `TEST_SEED=${process.env['TEST_SEED']} generates the same inputs again.\n`,
    );
  }

  #findLeftOut(results: readonly FileResult[]): readonly string[] {
    const { leftOut } = this.#options;
    const may = process.env['TEST_MAY_SKIP']?.split('|') ?? [];
    // The words after -t leave out tests, too, but somebody asked for that.
    const skipped = this.#testNamePattern ? [] : results.flatMap(skippedIn);
    const found =
      leftOut.length > 0
        ? [`no dynoxide is installed, so these suites were left out: ${leftOut.join(', ')}`]
        : [];
    for (const [need, all] of Map.groupBy(skipped, (one) => one.need)) {
      if (need !== undefined && may.includes(need)) continue;
      const why = need === undefined ? 'without a reason' : `because they need ${need}`;
      const titles = all.slice(0, titlesMax).map(({ title }) => `\n  ${title}`);
      const more = all.length > titlesMax ? `\n  and ${all.length - titlesMax} more` : '';
      found.push(`skipped ${why}:${titles.join('')}${more}`);
    }
    return found;
  }
}

/**
 * Runs cfn-lint and checkov on a template. Both are installed once, in environments below `.local`.
 */
import { join } from 'node:path';
import { run } from '../../../host/process/run.ts';
import { ensurePython } from '../../../local/containers/python.ts';
import type { Explanation } from './explained.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Installs the programs. The first time, that takes minutes. */
export const installChecks = async () => {
  const sam = await ensurePython('sam', say);
  const checkov = await ensurePython('checkov', say);
  return {
    sam: join(sam, 'sam'),
    cfnLint: join(sam, 'cfn-lint'),
    checkov: join(checkov, 'checkov'),
  };
};

/** What a check found in a resource. */
export type Finding = { readonly check: string; readonly resource: string };

/** Returns everything that cfn-lint finds for any Region, including remarks, one sentence each. */
export const lint = async (cfnLint: string, template: string): Promise<readonly string[]> => {
  const all = ['--regions', 'ALL_REGIONS', '--include-checks', 'I'];
  const how = ['--format', 'json', '--non-zero-exit-code', 'none'];
  const found = JSON.parse(await run(cfnLint, [template, ...all, ...how]));
  return found.map(
    ({ Rule, Message, Location }: Record<string, Record<string, unknown>>) =>
      `${Rule?.['Id']} ${JSON.stringify(Location?.['Path'])}: ${Message}`,
  );
};

/** Returns what checkov finds. It is told not to download anything. */
export const scan = async (checkov: string, template: string): Promise<readonly Finding[]> => {
  const what = ['--file', template, '--framework', 'cloudformation'];
  const how = ['--output', 'json', '--quiet', '--compact', '--soft-fail', '--skip-download'];
  const { results, summary } = JSON.parse(await run(checkov, [...what, ...how]));
  if (summary.parsing_errors !== 0 || summary.passed === 0 || summary.skipped !== 0) {
    throw new Error(`checkov did not look at all of it: ${JSON.stringify(summary)}`);
  }
  return results.failed_checks.map(({ check_id, resource }: Record<string, string>) => ({
    check: check_id,
    resource: resource?.split('.').at(-1),
  }));
};

/** Returns the findings without an explanation, and the explanations without a finding. */
export const compare = (
  findings: readonly Finding[],
  explanations: readonly Explanation[],
): { readonly unexplained: readonly string[]; readonly stale: readonly string[] } => {
  const found = new Set(findings.map(({ check, resource }) => `${check} ${resource}`));
  const explained = new Set(
    explanations.flatMap(({ check, resources }) => resources.map((name) => `${check} ${name}`)),
  );
  return {
    unexplained: [...found].filter((each) => !explained.has(each)).sort(),
    stale: [...explained].filter((each) => !found.has(each)).sort(),
  };
};

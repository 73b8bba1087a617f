/** `npm run check:template` checks template.yaml with AWS's linter, SAM and checkov. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { run } from '../../../host/process/run.ts';
import { freshFolder } from '../../support/local-process.ts';
import { compare, installChecks, lint, scan } from './checks.ts';
import { explanations } from './explained.ts';

jest.setTimeout(900_000);

const template = 'template.yaml';
const folder = freshFolder();

/** Makes a copy of the template in which `to` replaces `from`, which must occur exactly once. */
const copyWith = (from: string, to: string): string => {
  const parts = readFileSync(template, 'utf8').split(from);
  expect(parts).toHaveLength(2);
  const file = join(folder, template);
  writeFileSync(file, parts.join(to));
  return file;
};

describe('template.yaml', () => {
  let programs: Awaited<ReturnType<typeof installChecks>>;
  beforeAll(async () => {
    programs = await installChecks();
  });

  it('has no finding of cfn-lint in any Region', async () => {
    expect(await lint(programs.cfnLint, template)).toEqual([]);
  });

  it('has a finding of cfn-lint if its billing mode is wrong', async () => {
    const wrong = copyWith('BillingMode: PAY_PER_REQUEST', 'BillingMode: PAY_AS_YOU_GO');
    expect(await lint(programs.cfnLint, wrong)).toContainEqual(
      expect.stringMatching(/^E3030 .*BillingMode/),
    );
  });

  it('passes the validation of SAM', async () => {
    const env = { AWS_REGION: 'us-east-1', SAM_CLI_TELEMETRY: '0' };
    const told = await run(programs.sam, ['validate', '--lint'], { env });
    expect(told).toMatch(/is a valid SAM Template/);
  });

  it('has an explanation for each finding of checkov, and a finding for each explanation', async () => {
    const findings = await scan(programs.checkov, template);
    expect(compare(findings, explanations)).toEqual({ unexplained: [], stale: [] });
  });

  it('has an unexplained finding of checkov and an outdated explanation if the settings of the table change', async () => {
    const changed = copyWith(
      'PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }',
      'SSESpecification: { SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !Ref MasterKey }',
    );
    const findings = await scan(programs.checkov, changed);
    expect(compare(findings, explanations)).toEqual({
      unexplained: ['CKV_AWS_28 SecretsTable'],
      stale: ['CKV_AWS_119 SecretsTable'],
    });
  });
});

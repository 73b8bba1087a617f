/**
 * Every function may do exactly what it does: it was seen to use each action that its policy grants, in the e2e suites
 * or under faults, and it is refused all else. What was used is looked at after both, so the tests stand in this order.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Fate } from '../support/adversary/fates.ts';
import { promptFates } from '../support/adversary/store-fates.ts';
import type { Call } from '../support/adversary/wire.ts';
import { printFigure } from '../support/figure.ts';
import { freshFolder } from '../support/local-process.ts';
import { type RunningVault, startVault } from '../support/running-vault.ts';
import { type GuardedVault, startGuardedVault } from './guarded-vault.ts';
import { differenceOf, grantsOf, type Permission } from './permissions.ts';
import { kinds } from './requests.ts';

jest.setTimeout(1_800_000);

const grants = grantsOf(readFileSync('template.yaml', 'utf8'));
const none: ReadonlySet<Permission> = new Set();

/** What may befall a call for a key. No call meets silence here: it takes seconds, and ends like a broken call. */
const keyFates: readonly Fate[] = [
  ...['DisabledException', 'KMSInvalidStateException', 'NotFoundException'].map(
    (type): Fate => ({ kind: 'key fault', type }),
  ),
  { kind: 'throttled' },
  { kind: 'dropped', as: 'reset' },
];

/** The suites of test/e2e against a vault that runs already; how many of their tests passed and failed. */
const runE2e = async ({ url, dataDir }: GuardedVault) => {
  const report = join(freshFolder(), 'report.json');
  const args = ['--selectProjects', 'e2e', '--runInBand', '--json', `--outputFile=${report}`];
  const { promise, resolve } = Promise.withResolvers<void>();
  const env = { ...process.env, BASE_URL: url, VAULT_DATA_DIR: dataDir };
  const child = execFile(process.execPath, [join('node_modules', 'jest/bin/jest.js'), ...args], {
    env,
    maxBuffer: 2 ** 28,
  });
  child.on('close', () => resolve());
  await promise;
  const told = JSON.parse(readFileSync(report, 'utf8'));
  return {
    passed: Number(told.numPassedTests),
    failed: Number(told.numFailedTests) + Number(told.numRuntimeErrorTestSuites),
  };
};

describe('a vault whose functions may do what template.yaml grants', () => {
  let guarded: GuardedVault;
  let vault: RunningVault;
  let faults = 0;
  const before = {
    BASE_URL: process.env['BASE_URL'],
    VAULT_DATA_DIR: process.env['VAULT_DATA_DIR'],
  };
  beforeAll(async () => {
    guarded = await startGuardedVault(grants);
    Object.assign(process.env, { BASE_URL: guarded.url, VAULT_DATA_DIR: guarded.dataDir });
    vault = await startVault();
  });
  afterAll(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    const all = [...grants.values()].reduce((sum, granted) => sum + granted.size, 0);
    printFigure(
      'policies',
      `${all} permissions of ${grants.size} functions, each used; ${faults} faults met`,
    );
    await guarded.close();
  });

  it('passes the e2e suites', async () => {
    const { passed, failed } = await runE2e(guarded);
    expect({ failed, refused: guarded.gate.refused }).toEqual({ failed: 0, refused: [] });
    expect(passed).toBeGreaterThan(500);
  });

  /** Sends a request whose call of this index meets `fate`; how many calls it made, of which service each. */
  const sendWith = async (kind: (typeof kinds)[number], at: number, fate: Fate) => {
    const send = await kind.prepare(vault, vault.token());
    const met: Call['service'][] = [];
    guarded.gate.setFate((call) => (met.push(call.service) - 1 === at ? fate : { kind: 'passed' }));
    await send();
    guarded.gate.setFate(() => ({ kind: 'passed' }));
    return met;
  };

  it.each(kinds)('is granted what it does when calls fail: $name', async (kind) => {
    const calls = await sendWith(kind, -1, { kind: 'passed' });
    expect(calls.length > 0).toBe(kind.name !== 'get-health');
    for (const [at, service] of calls.entries()) {
      for (const fate of service === 'kms' ? keyFates : promptFates) {
        await sendWith(kind, at, fate);
        faults += 1;
      }
    }
    expect(guarded.gate.refused).toEqual([]);
  });

  it.each([...grants.keys()])('uses all that %s is granted, and nothing else', (operation) => {
    const used = guarded.gate.used.get(operation) ?? none;
    expect(differenceOf(grants.get(operation) ?? none, used)).toEqual({ unused: [], missing: [] });
  });

  it('would show each permission that is too few, and one too many', () => {
    for (const [operation, granted] of grants) {
      const used = guarded.gate.used.get(operation) ?? none;
      for (const permission of granted) {
        const fewer = new Set([...granted].filter((other) => other !== permission));
        expect(differenceOf(fewer, used)).toEqual({ unused: [], missing: [permission] });
      }
      const more = 'dynamodb:DeleteItem SecretsTable';
      expect(differenceOf(new Set([...granted, more]), used)).toEqual({
        unused: [more],
        missing: [],
      });
    }
  });
});

describe('a function whose policy lacks an action', () => {
  const lacking = new Map(grants).set('get-secret', new Set(['dynamodb:GetItem SecretsTable']));
  let guarded: GuardedVault;
  beforeAll(async () => {
    guarded = await startGuardedVault(lacking);
  });
  afterAll(() => guarded.close());

  it('is refused it, and the others go on', async () => {
    Object.assign(process.env, { BASE_URL: guarded.url, VAULT_DATA_DIR: guarded.dataDir });
    const vault = await startVault();
    const token = vault.token();
    await vault.call('POST', '/v1/secrets', { token, body: { name: 'A', value: 'v' } });
    const read = await vault.call('GET', '/v1/secrets/A', { token });
    expect([read.status, read.json.code]).toEqual([503, 'master_key_unavailable']);
    const listed = await vault.call('GET', '/v1/secrets/A/versions?include=values', { token });
    expect(listed.json.versions?.[0]?.value).toBe('v');
    expect(guarded.gate.refused).toEqual(['get-secret: kms:Decrypt MasterKey']);
  });
});

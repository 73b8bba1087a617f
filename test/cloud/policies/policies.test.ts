/**
 * Every function has exactly the permissions that it uses. The e2e suites and injected faults make
 * it use each action of its policy, and every other action is refused. The suites and the faults
 * run before the first test, so each test can run alone.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startProgram } from '../../../host/process/supervisor.ts';
import type { Fate } from '../../support/adversary/fates.ts';
import { promptFates } from '../../support/adversary/store-fates.ts';
import type { Call } from '../../support/adversary/wire.ts';
import { printFigure } from '../../support/figure.ts';
import { freshFolder } from '../../support/local-process.ts';
import { old } from '../../support/prepared-requests.ts';
import { perRoute } from '../../support/routes.ts';
import { type RunningVault, startVault } from '../../support/running-vault.ts';
import { type GuardedVault, startGuardedVault } from './guarded-vault.ts';
import { differenceOf, grantsOf, type Permission } from './permissions.ts';

jest.setTimeout(1_800_000);

const grants = grantsOf(readFileSync('template.yaml', 'utf8'));
const none: ReadonlySet<Permission> = new Set();

/**
 * The faults that a KMS call meets. Silence is not among them: it takes seconds, and ends like a
 * broken connection.
 */
const keyFates: readonly Fate[] = [
  ...['DisabledException', 'KMSInvalidStateException', 'NotFoundException'].map(
    (type): Fate => ({ kind: 'key fault', type }),
  ),
  { kind: 'throttled' },
  { kind: 'dropped', as: 'reset' },
];

/** What this test uses of Jest's report, for one file with tests. */
type FileReport = {
  readonly name: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
};

/**
 * Returns the failed tests of a file, with the reasons. If the file could not be loaded, returns
 * its name and the message instead.
 */
const failuresOf = ({ name, message, assertionResults }: FileReport): readonly string[] => {
  if (assertionResults.length === 0) return [`${name}: ${message}`];
  return assertionResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${name}: ${fullName}: ${failureMessages.join('\n')}`);
};

/**
 * Runs the suites of test/e2e against a running vault. Returns how many tests passed, and the
 * failures of the others.
 */
const runE2e = async ({ url, dataDir }: GuardedVault) => {
  const report = join(freshFolder(), 'report.json');
  const args = ['--testPathPatterns', 'e2e/[^/]+\\.test', '--runInBand', '--json'];
  args.push(`--outputFile=${report}`, '--selectProjects', 'e2e');
  const { promise, resolve } = Promise.withResolvers<void>();
  const env = { ...process.env, TEST_BASE_URL: url, VAULT_DATA_DIR: dataDir };
  const command = [join('node_modules', 'jest/bin/jest.js'), ...args];
  const child = startProgram(process.execPath, command, { env, stdio: 'ignore' });
  child.on('close', () => resolve());
  await promise;
  const told = JSON.parse(readFileSync(report, 'utf8'));
  return {
    passed: Number(told.numPassedTests),
    failed: (told.testResults as readonly FileReport[]).flatMap(failuresOf),
  };
};

/** Makes `startVault` use this vault. The returned function undoes that. */
const useVault = ({ url, dataDir }: GuardedVault): (() => void) => {
  const { TEST_BASE_URL, VAULT_DATA_DIR } = process.env;
  Object.assign(process.env, { TEST_BASE_URL: url, VAULT_DATA_DIR: dataDir });
  return () => {
    for (const [name, value] of Object.entries({ TEST_BASE_URL, VAULT_DATA_DIR })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
};

const kinds = Object.values(perRoute).flatMap(({ asks, sends = {} }) => {
  const prepared = Object.entries(asks).map(([name, ask]) => [name, old(ask)] as const);
  return [...prepared, ...Object.entries(sends)].map(([name, prepare]) => ({ name, prepare }));
});
type Kind = (typeof kinds)[number];

describe('a vault with the permissions of template.yaml', () => {
  let guarded: GuardedVault;
  let vault: RunningVault;
  let stopUsing: () => void;
  let faults = 0;
  let suites: Awaited<ReturnType<typeof runE2e>> & { readonly refused: readonly string[] };
  /**
   * For each kind of request: the number of its calls, and which calls were refused while each of
   * its calls in turn met each fault.
   */
  const met = new Map<Kind, { readonly calls: number; readonly refused: readonly string[] }>();

  /**
   * Sends a request whose call with the index `at` meets `fate`. Returns the service of each call
   * that it made.
   */
  const sendWith = async (kind: Kind, at: number, fate: Fate) => {
    const send = await kind.prepare(vault, vault.token());
    const services: Call['service'][] = [];
    guarded.gate.setFate((call) =>
      services.push(call.service) - 1 === at ? fate : { kind: 'passed' },
    );
    await send();
    guarded.gate.setFate(() => ({ kind: 'passed' }));
    return services;
  };

  const failEachCall = async (kind: Kind): Promise<void> => {
    const before = guarded.gate.refused.length;
    const calls = await sendWith(kind, -1, { kind: 'passed' });
    for (const [at, service] of calls.entries()) {
      for (const fate of service === 'kms' ? keyFates : promptFates) {
        await sendWith(kind, at, fate);
        faults += 1;
      }
    }
    met.set(kind, { calls: calls.length, refused: guarded.gate.refused.slice(before) });
  };

  beforeAll(async () => {
    guarded = await startGuardedVault(grants);
    stopUsing = useVault(guarded);
    vault = await startVault();
    suites = { ...(await runE2e(guarded)), refused: [...guarded.gate.refused] };
    for (const kind of kinds) await failEachCall(kind);
  });
  afterAll(async () => {
    stopUsing();
    const all = [...grants.values()].reduce((sum, granted) => sum + granted.size, 0);
    printFigure(
      'policies',
      `${all} permissions of ${grants.size} functions, each used; ${faults} faults met`,
    );
    await guarded.close();
  });

  it('passes the e2e suites', () => {
    expect(suites).toMatchObject({ failed: [], refused: [] });
    expect(suites.passed).toBeGreaterThan(300);
  });

  it.each(kinds)('has every permission that $name needs when its calls fail', (kind) => {
    const { calls = 0, refused } = met.get(kind) ?? {};
    expect(calls > 0).toBe(!['get-health', 'whoami'].includes(kind.name));
    expect(refused).toEqual([]);
  });

  it.each([...grants.keys()])('uses exactly the permissions granted to %s', (operation) => {
    const used = guarded.gate.used.get(operation) ?? none;
    expect(differenceOf(grants.get(operation) ?? none, used)).toEqual({ unused: [], missing: [] });
  });

  it('fails the comparison of given and used permissions if any one is missing, or one is added', () => {
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

describe('a function that lacks a permission', () => {
  const lacking = new Map(grants).set('get-secret', new Set(['dynamodb:GetItem SecretsTable']));
  let guarded: GuardedVault;
  let stopUsing: () => void;
  beforeAll(async () => {
    guarded = await startGuardedVault(lacking);
    stopUsing = useVault(guarded);
  });
  afterAll(async () => {
    stopUsing();
    await guarded.close();
  });

  it('is refused the calls that need the permission, while another function works', async () => {
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

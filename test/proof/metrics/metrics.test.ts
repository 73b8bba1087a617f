/**
 * The metrics of `npm start` and of a node, read by Prometheus's own parser and checked by its
 * linter.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { nodeStates } from '../../../host/node/report.ts';
import { findFreePort } from '../../../host/process/ports.ts';
import { type ClusterProcess, endCluster, startCluster } from '../../support/cluster-process.ts';
import { lineOf, runLocal } from '../../support/local-process.ts';
import { exchange } from '../../support/raw-http.ts';
import { freshName, type RunningVault, startVault } from '../../support/running-vault.ts';
import { untilSeen } from '../../support/until.ts';
import { buildParser, increases, type Scrape, scrape } from './prometheus.ts';

const metricsLine = /^metrics at (.+)$/;
const empty = { headers: {}, body: undefined };

beforeAll(buildParser);

describe('the metrics of npm start', () => {
  let vault: RunningVault;
  let url: string;
  beforeAll(async () => {
    vault = await startVault({ VAULT_METRICS_PORT: '0' });
    const served = vault.process();
    if (served === undefined) throw new Error('this needs a vault of its own');
    url = await lineOf(served, metricsLine);
  });
  afterAll(() => vault.stop());

  /** Returns the counters that rise during `work`. */
  const counted = async (work: () => Promise<void>) => {
    const before = await scrape(url);
    await work();
    return increases(before, await scrape(url));
  };

  it('count each request once, by operation and status, with its time, its calls and its warnings', async () => {
    const canary = `c4n4ry-${randomUUID()}`;
    const name = freshName();
    const path = `/v1/secrets/${name}`;
    const token = vault.token({ tenant: canary, sub: canary });
    const key = async (action: string) => {
      const { dataDir: VAULT_DATA_DIR } = vault;
      expect(await runLocal('key', [action], { VAULT_DATA_DIR }).exit).toBe(0);
    };
    const lines = vault.lines().length;
    const risen = await counted(async () => {
      const body = { name, value: `value ${canary}` };
      for (const status of [201, 409]) {
        expect(await vault.call('POST', '/v1/secrets', { token, body })).toMatchObject({ status });
      }
      for (let count = 0; count < 3; count += 1) await vault.call('GET', path, { token });
      await vault.call('GET', `/v1/secrets/${canary}`, { token });
      await vault.call('GET', '/v1/secrets');
      await key('disable');
      expect(await vault.call('GET', path, { token })).toMatchObject({ status: 503 });
      await key('enable');
    });
    const logged = vault
      .lines()
      .slice(lines)
      .filter((line) => line.includes('"storeCalls"'));
    const sum = (field: string) =>
      logged.reduce((total, line) => total + Number(JSON.parse(line)[field]), 0);
    expect(sum('storeCalls')).toBeGreaterThan(6);
    expect(risen).toEqual({
      'vault_requests_total{operation="create-secret", status="201"}': 1,
      'vault_requests_total{operation="create-secret", status="409"}': 1,
      'vault_requests_total{operation="get-secret", status="200"}': 3,
      'vault_requests_total{operation="get-secret", status="404"}': 1,
      'vault_requests_total{operation="get-secret", status="503"}': 1,
      'vault_requests_total{operation="list-secrets", status="401"}': 1,
      'vault_request_duration_seconds_count{operation="create-secret"}': 2,
      'vault_request_duration_seconds_count{operation="get-secret"}': 5,
      'vault_request_duration_seconds_count{operation="list-secrets"}': 1,
      'vault_calls_total{service="store"}': sum('storeCalls'),
      'vault_calls_total{service="kms"}': sum('kmsCalls'),
      'vault_warnings_total{decision="key_fault"}': 1,
    });
    const { text, types, samples } = await scrape(url);
    expect(types).toMatchObject({
      vault_requests_total: 'COUNTER',
      vault_request_duration_seconds: 'HISTOGRAM',
      vault_lost_races_total: 'COUNTER',
      process_resident_memory_bytes: 'GAUGE',
    });
    // If the unit were wrong, a request would seem to take longer than this whole test.
    const seconds = samples['vault_request_duration_seconds_sum{operation="get-secret"}'];
    expect(seconds).toBeLessThan(performance.now() / 1_000);
    for (const word of [canary, name]) expect(text).not.toContain(word);
  });

  it('are served on loopback, and not at all if VAULT_METRICS_PORT is not set', async () => {
    expect(new URL(url).hostname).toBe('127.0.0.1');
    const other = await startVault();
    const lines = other.lines();
    await other.stop();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => metricsLine.test(line))).toEqual([]);
  });

  it('refuse requests from web pages and under other host names, and are served on one path of one port only', async () => {
    const ask = (headers: Readonly<Record<string, string>>, path = '/metrics', method = 'GET') =>
      exchange({ url, method, path, headers, body: undefined });
    const { host } = new URL(url);
    const fromApi = exchange({ url: vault.baseUrl(), method: 'GET', path: '/metrics', ...empty });
    for (const [status, reply] of [
      [200, ask({ Host: host })],
      [403, ask({ Host: host, Origin: `http://${host}` })],
      [403, ask({ Host: 'attacker.example' })],
      [404, ask({}, '/')],
      [404, ask({}, '/metrics', 'POST')],
      [404, fromApi],
    ] as const) {
      expect(await reply).toMatchObject({ status });
      if (status !== 200) expect((await reply).text).not.toContain('vault_');
    }
  });
});

describe('the metrics of a node', () => {
  const nodes = [1, 2, 3];
  const host = '127.0.0.2';
  let first: number;
  let cluster: ClusterProcess;
  beforeAll(async () => {
    first = await findFreePort(host);
    const settings = { VAULT_METRICS_HOST: host, VAULT_METRICS_PORT: String(first) };
    cluster = await startCluster(undefined, settings);
  });
  afterAll(() => endCluster(cluster));

  const scrapeNode = (node: number): Promise<Scrape> =>
    scrape(`http://${host}:${first + node - 1}/metrics`);
  const states = ({ samples }: Scrape) =>
    nodeStates.filter((state) => samples[`vault_node_state{state="${state}"}`] === 1);

  const leadersIn = (scrapes: readonly Scrape[]) =>
    scrapes.map(({ samples }) => samples['vault_node_leader']).toSorted();

  it('show that it serves, how many nodes are alive and which one leads, and count the requests that it has answered', async () => {
    const name = freshName();
    const created = await untilSeen(
      () => cluster.ask(2, 'POST', '/v1/secrets', { body: { name, value: 'v' }, key: name }),
      ({ status }) => status === 201,
    );
    expect(created.status).toBe(201);
    const scrapes = await untilSeen(
      () => Promise.all(nodes.map(scrapeNode)),
      (seen) =>
        seen.every(
          (scraped) =>
            states(scraped).join() === 'serving' &&
            scraped.samples['vault_node_lag_revisions'] === 0 &&
            scraped.samples['vault_nodes_alive'] === 3,
        ) && leadersIn(seen).join() === '0,0,1',
    );
    expect(leadersIn(scrapes)).toEqual([0, 0, 1]);
    for (const [index, { samples, text }] of scrapes.entries()) {
      expect(states({ samples } as Scrape)).toEqual(['serving']);
      expect(samples).toMatchObject({ vault_nodes_alive: 3, vault_copies_equal: 1 });
      const { vault_etcd_database_bytes: size = 0, vault_etcd_quota_bytes: quota = 0 } = samples;
      expect(samples['vault_etcd_database_used_bytes']).toBeLessThanOrEqual(size);
      expect([size > 4_096, quota]).toEqual([true, 8 * 2 ** 30]);
      for (const one of [
        'etcd_resident_memory_bytes',
        'disk_free_bytes',
        'node_applied_revision',
      ]) {
        expect([one, samples[`vault_${one}`]]).toEqual([one, expect.any(Number)]);
      }
      const { vault_copies_compared_timestamp_seconds: comparedAt = 0 } = samples;
      expect(Math.abs(Date.now() / 1_000 - comparedAt)).toBeLessThan(3_600);
      const sent = 'vault_requests_total{operation="create-secret", status="201"}';
      expect(samples[sent]).toBe(index === 1 ? 1 : undefined);
      expect(text).not.toContain(name);
    }
  });

  it('match the list in docs/configuration.md, and include every metric that the alerts in docs/deploy/machines.md use', async () => {
    const { types } = await scrapeNode(2);
    const served = Object.keys(types).filter((name) => name.startsWith('vault_'));
    const namesIn = (file: string) => new Set(readFileSync(file, 'utf8').match(/\bvault_\w+/g));
    expect([...namesIn('docs/configuration.md')].toSorted()).toEqual(served.toSorted());
    const used = [...namesIn('docs/deploy/machines.md')].map((name) =>
      name.replace(/_bucket$/, ''),
    );
    expect(used.length).toBeGreaterThan(9);
    expect(used.filter((name) => !served.includes(name))).toEqual([]);
  });

  it('leave out the values of etcd while etcd does not answer', async () => {
    const [, etcd = 0] = cluster.pids('node-1');
    process.kill(etcd, 'SIGSTOP');
    const seen = await untilSeen(
      () => scrapeNode(1),
      (scraped) =>
        states(scraped)[0] === 'no-majority' && scraped.samples['vault_nodes_alive'] === 3,
    ).finally(() => process.kill(etcd, 'SIGCONT'));
    const { samples } = seen;
    expect(samples).toMatchObject({ vault_nodes_alive: 3, vault_node_leader: 0 });
    for (const absent of ['vault_etcd_database_bytes', 'vault_node_lag_revisions']) {
      expect(Object.keys(samples)).not.toContain(absent);
    }
  });
});

/** Three nodes share the file of one access policy. They apply it, and every change of it. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClusterProcess, endCluster, startCluster } from '../support/cluster-process.ts';
import { githubPolicy, githubToken, storeForTwoTenants } from '../support/github-access.ts';
import { freshFolder, runLocal } from '../support/local-process.ts';
import { type Claims, issueToken } from '../support/tokens.ts';
import { untilSeen } from '../support/until.ts';

const folder = freshFolder();
const file = join(freshFolder(), 'access.yaml');
// The nodes run in the working directory of the command, so a relative path works.
const settings = { AUTH_POLICY_FILE: relative(process.cwd(), file) };
const nodes = [1, 2, 3];
let cluster: ClusterProcess;

/** Replaces the policy file by a new file of the same name, as an editor does. */
const write = (policy: string): void => {
  writeFileSync(`${file}.new`, policy);
  renameSync(`${file}.new`, file);
};

beforeAll(async () => {
  write(githubPolicy());
  cluster = await startCluster(folder, settings);
  await storeForTwoTenants(sendTo(1), (tenant) => tokenOf({ tenant }));
});
afterAll(() => endCluster(cluster));

const tokenOf = (claims: Claims): string => issueToken(join(folder, 'key'), claims);

const sendTo =
  (node: number) => async (token: string, method: string, path: string, body?: object) => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const reply = await fetch(`${cluster.urlOf(node)}${path}`, init);
    return { status: reply.status, json: (await reply.json()) as Record<string, unknown> };
  };

/** Returns the policy that each node shows to an operator. */
const policies = async () => {
  const token = tokenOf({ scope: 'vault:status' });
  const replies = nodes.map((node) => sendTo(node)(token, 'GET', '/v1/status'));
  const shown = (await Promise.all(replies)).map(({ json }) => json['policy']);
  return shown as { readonly digest: string }[];
};
const digestOfAll = async (): Promise<string> => {
  const digests = new Set((await policies()).map(({ digest }) => digest));
  expect(digests.size).toBe(1);
  return [...digests].join();
};

/**
 * Returns, for each node, the statuses of its replies when the workflow with `githubToken` reads
 * `app.DB` and `web.DB`.
 */
const answers = async () => {
  const token = githubToken();
  const read = async (node: number) => {
    const statuses = ['app.DB', 'web.DB'].map(
      async (name) => (await sendTo(node)(token, 'GET', `/v1/secrets/${name}`)).status,
    );
    return Promise.all(statuses);
  };
  return Promise.all(nodes.map(read));
};
const onAll = (app: number, web: number) => nodes.map(() => [app, web]);
const untilAllAnswer = (app: number, web: number) =>
  untilSeen(answers, (seen) => JSON.stringify(seen) === JSON.stringify(onAll(app, web)));

describe('three nodes with an access policy', () => {
  // Shows G7.
  it('follow the policy file and its changes, and show the digest of the policy in use', async () => {
    expect(await answers()).toEqual(onAll(200, 404));
    const before = await digestOfAll();
    write(githubPolicy('web.*'));
    await untilAllAnswer(404, 200);
    expect(await digestOfAll()).not.toBe(before);
  });
});

describe('a cluster whose access policy is faulty', () => {
  it('does not start, and the command says why exactly once', async () => {
    const faulty = join(freshFolder(), 'access.yaml');
    mkdirSync(faulty);
    const env = { AUTH_POLICY_FILE: faulty, VAULT_DATA_DIR: freshFolder(), CLUSTER_PORT: '0' };
    const { exit, errors } = runLocal('cluster', [], env);
    expect([await exit, errors]).toEqual([
      78,
      [`the access policy ${faulty} cannot be read (EISDIR)`],
    ]);
  });
});

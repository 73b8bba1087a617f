/** The console of three nodes in a real browser, while nodes fail and recover. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { bytesOf } from '../../cli/output/bytes.ts';
import { faultsOf } from '../support/accessible.ts';
import { useCluster } from '../support/cluster-process.ts';
import { press, shows, useConsole, visit } from '../support/console.ts';
import { freshName } from '../support/running-vault.ts';
import { untilSeen } from '../support/until.ts';

const scope = 'secrets:read secrets:write vault:status';
const { cluster, vaultOf } = useCluster();
const console = useConsole(vaultOf(1), { scope });
const another = useConsole(vaultOf(2), { scope });

/** The id of a request that node 1 refused before it died. */
let refusedId: string;
beforeAll(async () => {
  const ask = async (method: string, path: string, body: object) =>
    String((await cluster().ask(1, method, path, { body })).body['requestId']);
  await ask('POST', '/v1/secrets', { name: 'WRITTEN_BEFORE', value: 'the old value' });
  await ask('PUT', '/v1/secrets/WRITTEN_BEFORE', { value: 'the new value' });
  refusedId = await ask('PUT', '/v1/secrets/ABSENT', { value: 'v' });
});

const openNodes = async (): Promise<Page> => {
  const { page } = await console.open();
  await visit(page, 'Nodes');
  return page;
};
const sentence = (page: Page, text: string) => page.getByText(text).waitFor({ timeout: 30_000 });
const allServe = '3 of 3 nodes serve, all copies agree.';
const oneIsDead = '2 of 3 nodes serve (node 1: no answer), all copies agree.';
/** Runs a command on a node, as a person would at a terminal. */
const change = async (...words: readonly string[]): Promise<void> => {
  expect(await cluster().command(...words)).toMatchObject({ code: 0 });
};

/** Returns the facts on a node's card, by their labels. */
const factsOf = async (page: Page, node: number): Promise<Readonly<Record<string, string>>> => {
  const card = page.locator(`[data-node="${node}"]`);
  const [names, facts] = await Promise.all(
    ['dt', 'dd'].map((tag) => card.locator(tag).allTextContents()),
  );
  return Object.fromEntries(names?.map((name, index) => [name, facts?.[index] ?? '']) ?? []);
};

type Report = {
  readonly node: number;
  readonly leader: boolean;
  readonly appliedRevision: number;
  readonly etcd: string;
  readonly space: {
    readonly dbBytesInUse: number;
    readonly quotaBytes: number;
    readonly memoryBytes: number;
  } | null;
};
/** Returns what a node reports about itself in `GET /v1/status`. */
const reportOf = async (node: number): Promise<Report> => {
  const reply = await fetch(`${cluster().urlOf(node)}/v1/status`, {
    headers: { Authorization: `Bearer ${vaultOf(node).token({ scope: 'vault:status' })}` },
  });
  const { node: told } = (await reply.json()) as { node: { nodes: readonly Report[] } };
  return told.nodes.find((one) => one.node === node) as Report;
};

describe('the console of three nodes, when one dies,', () => {
  it('shows that node 1 is dead, and reads from another node', async () => {
    const page = await openNodes();
    await sentence(page, allServe);
    await change('kill', '1');
    await sentence(page, oneIsDead);
    expect(await faultsOf(page)).toEqual([]);

    // The profile has the address of the dead node, so another node answered this read.
    await visit(page, 'Secrets');
    await page.getByRole('link', { name: 'WRITTEN_BEFORE', exact: true }).waitFor();
  });

  it('shows secrets, history and log, and stores a secret, while node 1 is dead', async () => {
    const { page } = await another.open();
    await visit(page, 'Nodes');
    await sentence(page, oneIsDead);
    await visit(page, 'Secrets');
    await page.getByRole('link', { name: 'WRITTEN_BEFORE', exact: true }).click();
    await press(page, 'Earlier version');
    await press(page, 'Show the value at that instant');
    await shows(page, 'the old value');

    await visit(page, 'Secrets');
    await press(page, 'New secret');
    await page.getByLabel('Name', { exact: true }).fill('WRITTEN_SINCE');
    await page.getByLabel('Value', { exact: true }).fill('canary');
    await press(page, 'Create');
    await press(page, 'Show the current value');
    await shows(page, 'canary', { exact: true });

    await visit(page, 'Activity');
    await page.getByLabel('Secret').fill('written_since');
    await page.getByRole('row', { name: 'create-secret' }).first().getByRole('link').click();
    await shows(page, /asked for create-secret.*, and node 2 did it \(201\)/);
    await page.getByRole('link', { name: 'All activity' }).click();
    // The node that refused this request is dead, but its log can still be read.
    await page.getByLabel('Request id').fill(refusedId.slice(0, 13));
    await page.getByRole('link', { name: refusedId.slice(0, 8) }).click();
    const end = '404, not_found, never_existed';
    await shows(page, `asked for update-secret on ABSENT, and node 1 refused it (${end})`);
  });

  it('says when node 1 serves again', async () => {
    const page = await openNodes();
    await sentence(page, oneIsDead);
    await change('start', '1');
    await sentence(page, allServe);
  });
});

describe('the console of three nodes', () => {
  it('shows role, revision, memory and database size of each node, and when a node is isolated, healed, paused and resumed', async () => {
    const page = await openNodes();
    await sentence(page, allServe);
    for (const node of [1, 2, 3]) {
      await untilSeen(
        async () => {
          const { leader, appliedRevision, etcd, space } = await reportOf(node);
          const shown = await factsOf(page, node);
          const [, megabytes] = /^etcd holds ([\d.]+) MB$/.exec(shown['Memory'] ?? '') ?? [];
          const memoryBytes = space?.memoryBytes ?? Number.NaN;
          return [
            shown,
            {
              Role: leader ? 'leader' : 'follower',
              Revision: String(appliedRevision),
              'Behind by': 'nothing',
              etcd,
              Database: space && `${bytesOf(space.dbBytesInUse)} of ${bytesOf(space.quotaBytes)}`,
            },
            // The memory use that the card shows and the one that the status reports are read at
            // different times, so they need only be close.
            Math.abs(Number(megabytes) * 1e6 - memoryBytes) < memoryBytes / 4,
          ] as const;
        },
        ([shown, told, isNear]) =>
          isNear && Object.entries(told).every(([key, text]) => shown[key] === text),
      );
    }
    const badge = (text: string) =>
      page.locator('[data-node="3"] .badge', { hasText: text }).waitFor({ timeout: 30_000 });
    await change('isolate', '3');
    await badge('no majority');
    await shows(page.locator('[data-node="3"]'), 'there is no majority of the nodes');
    for (const value of ['1', '2']) {
      await cluster().ask(1, 'POST', '/v1/secrets', { body: { name: freshName(), value } });
    }
    await untilSeen(
      async () => {
        const [furthest, own] = await Promise.all([1, 3].map(reportOf));
        const lag = (furthest?.appliedRevision ?? 0) - (own?.appliedRevision ?? 0);
        return { lag, shown: (await factsOf(page, 3))['Behind by'] };
      },
      ({ lag, shown }) => lag >= 2 && shown === `${lag} revisions`,
    );
    await change('heal', '3');
    await badge('serves');
    await change('pause', '3');
    await badge('no answer');
    await change('resume', '3');
    await badge('serves');
    await sentence(page, allServe);
  });
});

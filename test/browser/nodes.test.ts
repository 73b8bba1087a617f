/** The console of three nodes in a real browser, while a person makes nodes fail and brings them back. */
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { bytesOf } from '../../cli/output/bytes.ts';
import { faultsOf } from '../support/accessible.ts';
import { useCluster } from '../support/cluster-process.ts';
import { press, shows, useConsole, visit } from '../support/console.ts';
import { enter, focused } from '../support/keyboard.ts';
import { freshName } from '../support/running-vault.ts';
import { until, untilSeen } from '../support/until.ts';

jest.setTimeout(120_000);

const scope = 'secrets:read secrets:write vault:status';
const { cluster, vaultOf } = useCluster();
const console = useConsole(vaultOf(1), { scope }, ['--faults']);
/** Changes no node and makes no test writes. */
const another = useConsole(vaultOf(2), { scope });

/** A request that node 1 refused before it died. */
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
const oneIsDead = '2 of 3 nodes serve (node 1: killed), all copies agree.';
/** Presses a button of a node, and the one in its dialog. */
const change = async (page: Page, name: string): Promise<void> => {
  await press(page, name);
  await page.getByRole('dialog').getByRole('button', { name }).click();
};
/** The rate of this outcome in the last seconds, as the page shows it. */
const rateOf = async (page: Page, outcome: string): Promise<number> =>
  Number(await page.locator(`[data-outcome=${outcome}]`).textContent());

/** The facts on the card of a node, by their names. */
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
    readonly dbBytes: number;
    readonly quotaBytes: number;
    readonly memoryBytes: number;
  } | null;
};
/** A node's report of itself in `GET /v1/status`. */
const reportOf = async (node: number): Promise<Report> => {
  const reply = await fetch(`${cluster().urlOf(node)}/v1/status`, {
    headers: { Authorization: `Bearer ${vaultOf(node).token({ scope: 'vault:status' })}` },
  });
  const { node: told } = (await reply.json()) as { node: { nodes: readonly Report[] } };
  return told.nodes.find((one) => one.node === node) as Report;
};

describe('the console of three nodes, of which one dies', () => {
  it('kills node 1, and counts the writes that succeed and fail', async () => {
    const page = await openNodes();
    await sentence(page, allServe);
    await press(page, 'Start the test writes');
    await until(async () => (await rateOf(page, 'acknowledged')) > 3, 30_000);

    await press(page, 'Kill node 1');
    const dialog = page.getByRole('dialog', { name: 'Kill node 1?' });
    await shows(dialog, 'stays on its disk');
    await dialog.getByRole('button', { name: 'Kill node 1' }).click();
    await sentence(page, oneIsDead);
    await until(async () => (await rateOf(page, 'refused')) > 3, 30_000);
    await until(async () => (await rateOf(page, 'acknowledged')) > 2, 30_000);
    expect(await page.locator('svg.rates rect.refused').count()).toBeGreaterThan(0);
    await until(async () => (await page.locator('svg.rates .mark').count()) === 1);
    expect(await faultsOf(page)).toEqual([]);
    await press(page, 'Stop the test writes');
    await page.getByRole('button', { name: 'Start the test writes' }).waitFor();

    const buttonsOf = (node: number) =>
      page.locator(`[data-node="${node}"]`).getByRole('button').allTextContents();
    expect(await buttonsOf(1)).toEqual(['Start node 1', 'Isolate node 1', 'Wipe node 1']);
    expect(await buttonsOf(2)).toEqual(
      ['Kill', 'Pause', 'Isolate', 'Wipe'].map((one) => `${one} node 2`),
    );
    await change(page, 'Wipe node 2');
    await shows(page.getByRole('alert'), 'two whole copies must stay');
    await press(page, 'Close');

    // The node of the profile is dead, and other views read from another node.
    await visit(page, 'Secrets');
    await page.getByRole('link', { name: 'WRITTEN_BEFORE', exact: true }).waitFor();
  });

  it('shows secrets, history and log, and encrypts and expands a file, while node 1 is dead', async () => {
    const { page } = await another.open();
    await visit(page, 'Nodes');
    await sentence(page, oneIsDead);
    await shows(page, /^This console changes no node. A console that was started with --faults/);
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0);
    await visit(page, 'Secrets');
    await page.getByRole('link', { name: 'WRITTEN_BEFORE', exact: true }).click();
    await press(page, 'Earlier version');
    await press(page, 'Show the value at that instant');
    await shows(page, 'the old value');

    await visit(page, '.env');
    const editor = page.getByLabel('The .env file');
    await editor.fill('IN_FILE=canary\nA=enc(IN_FILE)\n');
    await press(page, 'Encrypt');
    await shows(page, 'Stored 1 secret.');
    await press(page, 'Put it into the editor');
    await press(page, 'Expand');
    await press(page, 'Show the values');
    await shows(page, 'IN_FILE=canary');
    await editor.fill('');

    await visit(page, 'Activity');
    await page.getByLabel('Secret').fill('in_file');
    await page.getByRole('row', { name: 'encrypt-env' }).first().getByRole('link').click();
    await shows(page, /asked for encrypt-env.*, and node 2 did it \(200\)/);
    await page.getByRole('link', { name: 'All activity' }).click();
    // The dead node refused this request. Its log still tells.
    await page.getByLabel('Request id').fill(refusedId.slice(0, 13));
    await page.getByRole('link', { name: refusedId.slice(0, 8) }).click();
    const end = '404, not_found, never_existed';
    await shows(page, `asked for update-secret on ABSENT, and node 1 refused it (${end})`);
  });

  it('starts node 1 again, and says when all nodes serve', async () => {
    const page = await openNodes();
    await sentence(page, oneIsDead);
    await change(page, 'Start node 1');
    await sentence(page, allServe);
  });
});

describe('the console of three nodes', () => {
  it('isolates, heals, pauses and resumes node 3 by the keyboard, and shows the numbers of each node', async () => {
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
              Database: space && `${bytesOf(space.dbBytes)} of ${bytesOf(space.quotaBytes)}`,
            },
            // The memory changes from one look to the next.
            Math.abs(Number(megabytes) * 1e6 - memoryBytes) < memoryBytes / 4,
          ] as const;
        },
        ([shown, told, isNear]) =>
          isNear && Object.entries(told).every(([key, text]) => shown[key] === text),
      );
    }
    const badge = (text: string) =>
      page.locator('[data-node="3"] .badge', { hasText: text }).waitFor({ timeout: 30_000 });
    const changeByKeyboard = async (name: string, consequence: string): Promise<void> => {
      await enter(page, new RegExp(`^${name} node 3$`));
      const dialog = page.getByRole('dialog', { name: `${name} node 3?` });
      await shows(dialog, consequence);
      await page.keyboard.press('Escape');
      // A closed dialog has no role any more, but may still be there.
      await page.locator('dialog').waitFor({ state: 'detached' });
      expect(await focused(page)).toBe(`${name} node 3`);
      await page.keyboard.press('Enter');
      await dialog.waitFor();
      await enter(page, new RegExp(`^${name} node 3$`));
      await dialog.waitFor({ state: 'detached' });
    };
    await changeByKeyboard('Isolate', 'It no longer reaches the other nodes');
    await badge('no majority');
    await shows(page.locator('[data-node="3"]'), 'It is cut off from the other');
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
    await changeByKeyboard('Heal', 'It reaches the other nodes again');
    await badge('serves');
    await changeByKeyboard('Pause', 'It stands still');
    await badge('paused');
    await changeByKeyboard('Resume', 'never with old data');
    await badge('serves');
    await sentence(page, allServe);
  });
});

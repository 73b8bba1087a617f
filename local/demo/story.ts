/**
 * The story of `npm run demo`: what somebody would try with a vault of three nodes, in one run.
 * Each claim is checked as a user of the API would see it. Start reading at `tellStory`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVaultError, type VaultClient, type VersionEntry } from '../../client/index.ts';
import { countTo, type Nodes } from './nodes.ts';
import { createTelling, type Telling } from './telling.ts';

/** The secret to which each part of the story adds a version. */
const diary = 'DIARY';
/** The longest time within which any request must be answered, even while there is no majority. */
const answerLimitMs = 10_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const timed = async <Result>(request: Promise<Result>) => {
  const begun = performance.now();
  return { result: await request, ms: performance.now() - begun };
};
/** Returns `done` if the request succeeds; otherwise the code of the vault's error. */
const outcomeOf = async (request: Promise<unknown>): Promise<string> => {
  try {
    await request;
    return 'done';
  } catch (error) {
    if (isVaultError(error)) return error.code;
    throw error;
  }
};
const versionsOf = async (vault: VaultClient, name: string): Promise<readonly VersionEntry[]> =>
  (await vault.request('list-versions', { name, query: { order: 'asc' } })).versions;

const tellOfFreshReads = async ({ check }: Telling, { vault }: Nodes): Promise<void> => {
  let [right, duplicates] = [0, 0];
  for (const turn of countTo(30)) {
    const [name, value] = [`FRESH_${turn}`, `value ${turn}`];
    await vault(turn).create(name, value);
    if ((await vault(turn + 1).get(name)).value === value) right += 1;
    const other = await outcomeOf(vault(turn + 2).create(name, 'other'));
    if (other === 'secret_exists') duplicates += 1;
  }
  check(`${right} of 30 first reads on another node saw the new secret`, right === 30);
  check(`${duplicates} of 30 duplicates refused on the third node`, duplicates === 30);
};

/** Ten clients, spread over all nodes, write each of 20 names at the same time. */
const tellOfRaces = async ({ check }: Telling, { vault }: Nodes): Promise<void> => {
  const names = countTo(20).map((number) => `RACE_${number}`);
  const race = async (
    write: (vault: VaultClient, name: string, value: string) => Promise<unknown>,
    lost: string,
  ): Promise<boolean> => {
    const races = names.map(async (name) => {
      const racers = countTo(10).map((racer) => write(vault(racer), name, `racer ${racer}`));
      const outcomes = await Promise.all(racers.map(outcomeOf));
      const { value } = await vault(3).get(name);
      return (
        outcomes.filter((outcome) => outcome === lost).length === 9 &&
        value === `racer ${outcomes.indexOf('done') + 1}`
      );
    });
    return (await Promise.all(races)).every(Boolean);
  };
  check(
    '200 racing creates of 20 names: one winner each, and its value stays',
    await race((at, name, value) => at.create(name, value), 'secret_exists'),
  );
  check(
    '200 racing updates from version 1 (If-Match): one winner each, and its value stays',
    await race((at, name, value) => at.update(name, value, { ifVersion: 1 }), 'version_conflict'),
  );
};

const tellOfFiles = async ({ check }: Telling, { vault }: Nodes): Promise<void> => {
  const content = 'DB_PASSWORD=hunter2\nURL="postgres://app:enc(DB_PASSWORD)@db/app"\n';
  const encrypted = (await vault(1).encryptEnv({ content })).content;
  const isHidden = !encrypted.includes('hunter2') && encrypted.includes('secret(DB_PASSWORD)');
  check('encrypted on node 1: no value is left in the file', isHidden);
  const expanded = await vault(2).expandEnv({ content: encrypted });
  check(
    'expanded on node 2: every value is back in its place',
    'content' in expanded &&
      expanded.content === 'DB_PASSWORD=hunter2\nURL=postgres://app:hunter2@db/app\n',
  );
  const again = await outcomeOf(vault(3).encryptEnv({ content }));
  check('encrypted again on node 3: refused, the secret exists', again === 'secret_exists');
};

const tellOfDeletion = async ({ check }: Telling, { vault }: Nodes): Promise<void> => {
  const name = 'RETIRED';
  await vault(1).create(name, 'first');
  await vault(2).update(name, 'second');
  await vault(3).delete(name);
  const reads = await Promise.all(countTo(3).map((node) => outcomeOf(vault(node).get(name))));
  check('no node finds it any more', reads.join() === 'not_found,not_found,not_found');
  const { version } = await vault(1).create(name, 'again');
  check('created again it is version 4: no number returns', version === 4);
  await vault(2).destroy(name, 1);
  const old = await outcomeOf(vault(3).get(name, { version: 1 }));
  check('its first value is destroyed for ever', old === 'version_destroyed');
  const states = (await versionsOf(vault(1), name)).map(({ state }) => state).join();
  check('its history tells all of it', states === 'destroyed,stored,deleted,stored');
};

/**
 * Creates a secret at this node, or at the others in turn while one does not answer, always with
 * the same idempotency key. Returns whether it was acknowledged in the end.
 */
const createSomewhere = async ({ vault }: Nodes, node: number, name: string): Promise<boolean> => {
  const once = { idempotencyKey: randomUUID() };
  for (const turn of countTo(200)) {
    const request = vault(node + turn, 0).create(name, `value of ${name}`, once);
    if ((await outcomeOf(request)) === 'done') return true;
    await sleep(50);
  }
  return false;
};

/** Kills the leader, which is the worst case for the others, and starts it again. */
const tellOfOneDeath = async (telling: Telling, nodes: Nodes): Promise<void> => {
  const { scene, check, note } = telling;
  const { vault } = nodes;
  const victim = (await nodes.status()).nodes.find(({ leader }) => leader)?.node ?? 1;
  const acknowledged: string[] = [];
  await scene('A node is killed in the middle of 300 writes', async () => {
    let slowestMs = 0;
    const work = async (writer: number): Promise<void> => {
      for (const number of countTo(10)) {
        const name = `STREAM_${writer}_${number}`;
        const { result, ms } = await timed(createSomewhere(nodes, writer, name));
        slowestMs = Math.max(slowestMs, ms);
        if (!result || acknowledged.push(name) !== 100) continue;
        note(`node ${victim}, which leads, is killed (kill -9) after 100 acknowledged writes`);
        await nodes.kill(victim);
      }
    };
    await Promise.all(countTo(30).map(work));
    check('the others go on: all 300 are acknowledged', acknowledged.length === 300);
    check(`the slowest took ${seconds(slowestMs)}, below 10 s`, slowestMs < answerLimitMs);
  });
  await scene('The node comes back', async () => {
    await nodes.start(victim);
    const { result, ms } = await timed(nodes.areEqual());
    check(`after ${seconds(ms)} all nodes serve the same data, with one digest`, result);
    let lost = 0;
    for (const name of acknowledged) {
      if ((await vault(victim).get(name)).value !== `value of ${name}`) lost += 1;
    }
    check(`300 secrets read on node ${victim}: ${lost} lost an acknowledged write`, lost === 0);
    await vault(1).update(diary, `node ${victim} was killed and came back`);
  });
};

const tellOfNoMajority = async (telling: Telling, nodes: Nodes): Promise<void> => {
  const { scene, check, note } = telling;
  const { vault } = nodes;
  const created = { idempotencyKey: randomUUID() };
  const updated = { idempotencyKey: randomUUID(), ifVersion: 1 };
  const create = (at: VaultClient) => at.create('ALONE_NEW', 'new', created);
  const update = (at: VaultClient) => at.update('ALONE', 'after', updated);
  await scene('Two nodes are killed: no majority', async () => {
    await vault(1).create('ALONE', 'before');
    await Promise.all([1, 3].map(nodes.kill));
    note('nodes 1 and 3 are killed, node 2 is alone');
    const alone = vault(2, 0);
    const reads = [alone.get('ALONE'), alone.get('ALONE', { version: 1 })];
    const requests = [create(alone), update(alone), ...reads];
    const { result: outcomes, ms } = await timed(Promise.all(requests.map(outcomeOf)));
    const refusals = ['store_unavailable', 'outcome_unknown'];
    const refused = outcomes.filter((outcome) => refusals.includes(outcome)).length;
    check(`${refused} of 4 reads and writes refused (503), none answered stale`, refused === 4);
    check(`each within 10 s (the slowest ${seconds(ms)})`, ms < answerLimitMs);
  });
  await scene('The majority comes back', async () => {
    for (const node of [1, 3]) await nodes.start(node);
    check('all nodes serve the same data again by themselves', await nodes.areEqual());
    const [made, changed] = [await create(vault(1)), await update(vault(3))];
    check('the refused create, repeated with its key, happened once', made.version === 1);
    check('the refused update, repeated with its key, happened once', changed.version === 2);
    const { value, version } = await vault(2).get('ALONE');
    check('and is read on the node that was alone', value === 'after' && version === 2);
    await vault(2).update(diary, 'two nodes were killed and came back');
  });
};

/** Without the master key no value can be read or written, and nothing else changes. */
const tellOfTheKey = async ({ check }: Telling, { vault, setKey }: Nodes): Promise<void> => {
  setKey('Disabled');
  const read = await outcomeOf(vault(1).get('ALONE'));
  check('no value is opened: 503 master_key_unavailable', read === 'master_key_unavailable');
  const write = await outcomeOf(vault(2).create('KEYLESS', 'value'));
  check('none is sealed, and nothing is stored', write === 'master_key_unavailable');
  const list = await outcomeOf(versionsOf(vault(3), 'ALONE'));
  check('the versions are listed as before', list === 'done');
  setKey('Enabled');
  const { value } = await vault(1).get('ALONE');
  const { version } = await vault(2).create('KEYLESS', 'value');
  check('enabled again, a value is opened and another one sealed', value + version === 'after1');
  await vault(3).update(diary, 'the master key was disabled and enabled');
};

/** Prints the history with its intervals, and the values as of an instant in each of them. */
const tellOfHistory = async ({ check, note }: Telling, nodes: Nodes): Promise<void> => {
  const versions = await versionsOf(nodes.vault(1), diary);
  let [areTiling, areAsOf] = [versions.length === 4, true];
  for (const [index, { version, validFrom, validTo }] of versions.entries()) {
    const middle = (Date.parse(validFrom) + Date.parse(validTo ?? validFrom)) / 2;
    const at = new Date(middle).toISOString();
    const then = await nodes.vault(version).get(diary, { at });
    note(`version ${version}  [${validFrom}, ${validTo ?? '...'})`);
    note(`           ${then.value}`);
    areTiling &&= validTo === (versions[index + 1]?.validFrom ?? null);
    areAsOf &&= then.version === version;
  }
  check('its 4 versions tile time, with no gap', areTiling);
  check('each is the one that a read as of its own time finds', areAsOf);
  check('all nodes hold the same in the end', await nodes.areEqual());
};

/** Tells the story on running nodes. Returns whether every check passed. */
export const tellStory = async (nodes: Nodes, say: (line: string) => void): Promise<boolean> => {
  const telling = createTelling(say);
  const { scene, check, end } = telling;
  await scene('Three nodes', async () => {
    check('all three nodes serve', await nodes.areEqual());
    await nodes.vault(1).create(diary, 'three nodes serve');
  });
  const scenes = [
    ['Created on one node, read on another at once', tellOfFreshReads],
    ['Races for the same names over all nodes', tellOfRaces],
    ['.env files across nodes', tellOfFiles],
    ['Deleted on one node, gone on all of them', tellOfDeletion],
  ] as const;
  for (const [title, tell] of scenes) await scene(title, () => tell(telling, nodes));
  await tellOfOneDeath(telling, nodes);
  await tellOfNoMajority(telling, nodes);
  await scene('The master key is disabled, and enabled again', () => tellOfTheKey(telling, nodes));
  await scene('The history of one secret', () => tellOfHistory(telling, nodes));
  return end();
};

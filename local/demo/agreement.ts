/** The first part of the story: while all nodes are up, each of them gives the same answers. */
import {
  type Client,
  create,
  get,
  type Reply,
  type Request,
  tallyOf,
  update,
  versionsOf,
} from './client.ts';
import { countTo } from './nodes.ts';
import type { Scene } from './telling.ts';

const nodeAt = (turn: number): number => (turn % 3) + 1;
const count = (replies: readonly Reply[], outcome: string): number =>
  replies.filter((reply) => reply.outcome === outcome).length;

const tellOfFreshReads = async ({ title, check, client }: Scene): Promise<void> => {
  title('Created on one node, read on another at once');
  const turns = countTo(60);
  let [right, duplicates] = [0, 0];
  for (const turn of turns) {
    const [name, value] = [`FRESH_${turn}`, `value ${turn}`];
    await client.write(nodeAt(turn), create(name, value));
    const { body } = await client.read(nodeAt(turn + 1), get(name));
    if (body.value === value) right += 1;
    const other = await client.write(nodeAt(turn + 2), create(name, 'other'));
    if (other.outcome === 'secret_exists') duplicates += 1;
  }
  check(`${right} of ${turns.length} first reads on another node saw the new secret`, right === 60);
  check(`${duplicates} of ${turns.length} duplicates refused on the third node`, duplicates === 60);
  const kept = await client.read(1, get('FRESH_1'));
  check('and the first value stayed', kept.body.value === 'value 1' && kept.body.version === 1);
};

/** Lets ten clients write each name at the same time, spread over all nodes. */
const race = async (
  client: Client,
  names: readonly string[],
  requestOf: (name: string, racer: number) => Request,
): Promise<readonly (readonly Reply[])[]> =>
  await Promise.all(
    names.map((name) =>
      Promise.all(countTo(10).map((racer) => client.write(nodeAt(racer), requestOf(name, racer)))),
    ),
  );

const isContiguous = async (client: Client, name: string, versions: number): Promise<boolean> => {
  const { body } = await client.read(2, versionsOf(name));
  const numbers = body.versions?.map(({ version }) => version).reverse() ?? [];
  return numbers.join() === countTo(versions).join();
};

const tellOfRaces = async ({ title, check, client }: Scene): Promise<void> => {
  title('Races for the same names over all nodes');
  const names = countTo(20).map((number) => `RACE_${number}`);
  const created = await race(client, names, (name, racer) => create(name, `racer ${racer}`));
  const oneEach = (races: readonly (readonly Reply[])[], lost: string): boolean =>
    races.every((replies) => count(replies, 'done') === 1 && count(replies, lost) === 9);
  check(
    '200 racing creates of 20 names: one winner each',
    oneEach(created, 'secret_exists'),
    tallyOf(created.flat()),
  );
  const winners = created.map(
    (replies) => replies.findIndex(({ outcome }) => outcome === 'done') + 1,
  );
  const values = await Promise.all(names.map((name) => client.read(3, get(name))));
  const isTheirs = values.every(({ body }, index) => body.value === `racer ${winners[index]}`);
  check('and the value of each is its winner’s', isTheirs);
  const matched = await race(client, names, (name, racer) => update(name, `second ${racer}`, 1));
  check(
    '200 racing updates from version 1 (If-Match): one winner each',
    oneEach(matched, 'version_conflict'),
    tallyOf(matched.flat()),
  );
  const free = await race(client, names, (name, racer) => update(name, `free ${racer}`));
  check(
    '200 racing updates without it: each makes a version of its own',
    free.every((replies) => new Set(replies.map(({ body }) => body.version)).size === 10),
    tallyOf(free.flat()),
  );
  const contiguous = await Promise.all(names.map((name) => isContiguous(client, name, 12)));
  check('the versions of each are 1 to 12, none missing, none twice', contiguous.every(Boolean));
};

const tellOfFiles = async ({ title, check, client }: Scene): Promise<void> => {
  title('.env files across nodes');
  const content = 'DB_PASSWORD=hunter2\nURL="postgres://app:enc(DB_PASSWORD)@db/app"\n';
  const encrypt: Request = (vault, idempotencyKey) =>
    vault.encryptEnv({ content }, { idempotencyKey });
  const encrypted = await client.write(1, encrypt);
  const text = encrypted.body.content ?? '';
  check(
    'encrypted on node 1: no value is left in the file',
    encrypted.outcome === 'done' &&
      !text.includes('hunter2') &&
      text.includes('secret(DB_PASSWORD)'),
  );
  const expand: Request = async (vault) => {
    const reply = await vault.expandEnv({ content: text });
    return 'content' in reply ? reply : {};
  };
  const expanded = await client.read(2, expand);
  check(
    'expanded on node 2: every value is back in its place',
    expanded.body.content === 'DB_PASSWORD=hunter2\nURL=postgres://app:hunter2@db/app\n',
  );
  const again = await client.write(3, encrypt);
  check('encrypted again on node 3: refused, the secret exists', again.outcome === 'secret_exists');
};

/** Tells this part of the story: it checks fresh reads, then races between writers, then files. */
export const tellOfAgreement = async (scene: Scene): Promise<void> => {
  await tellOfFreshReads(scene);
  await tellOfRaces(scene);
  await tellOfFiles(scene);
};

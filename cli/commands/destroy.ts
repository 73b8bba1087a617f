import type { ReplyOf } from '../../client/types.ts';
import { failure, usage } from '../../system/failures.ts';
import { tableLines } from '../../system/table.ts';
import { holderCells, holderHead, holdersOf, noReader } from '../log/holders.ts';
import { always, remarksOn } from '../log/log-reading.ts';
import { logsBeside } from '../log/log-sources.ts';
import { askYes } from '../output/ask-yes.ts';
import { note, noteLine, printJson, printLines } from '../output/output.ts';
import { ofVersion, readVersions } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { vaultCommand, versionArgument } from './command-line.ts';

export const destroyCommand = () =>
  vaultCommand(
    'destroy',
    'remove the values of old versions permanently; who wrote them, and when, is kept',
    'dsvault destroy DB_PASSWORD@1',
    'dsvault destroy DB_PASSWORD --all',
  )
    .argument('<secret>', 'NAME@VERSION, or NAME with --all', versionArgument)
    .option('--all', 'all versions before the current one that have a value')
    .option('--yes', 'do not ask at a terminal')
    .option(
      '--log <files...>',
      'before asking, show who has read the secret according to these log files',
    )
    .action(async ({ name, version }, { all, yes, json, log, ...flags }) => {
      if ((version === undefined) !== (all === true)) {
        throw usage('give NAME@VERSION, or NAME with --all');
      }
      if (all && !yes && !process.stdin.isTTY) {
        throw usage('--all asks at a terminal; where there is none it needs --yes');
      }
      const session = openSession(flags);
      const asks = !yes && process.stdin.isTTY && !session.settings.curl;
      if (asks) await tellHolders(session, name, log);
      if (version === undefined) return await destroyAll(session, name, { json, asks });
      if (asks) await requireYes(`the value of ${name}@${version}`);
      const destroyed = await ofVersion({ name, version }, () =>
        session.client('destroy-version', { name, version }),
      );
      if (json) return await printJson(destroyed);
      const { destroyedAt, destroyedBy } = destroyed;
      await printLines([
        `${name} version ${version} destroyed at ${destroyedAt} by ${destroyedBy}`,
      ]);
    });

/** Asks at a terminal, because a destruction cannot be undone. */
const requireYes = async (what: string): Promise<void> => {
  if (await askYes(`${what} will be gone permanently. Type yes to go on: `)) return;
  throw failure('nothing was destroyed');
};

/**
 * Says who has read the secret, according to the logs in these files, or to those of the vault if
 * it runs on this machine.
 */
const tellHolders = async (
  { client, settings }: Session,
  name: string,
  files: readonly string[] | undefined,
): Promise<void> => {
  const logs = await logsBeside(settings.addr, files);
  if (logs.length === 0) {
    return note(
      `this machine has no log that tells who has read ${name}: name one with --log FILE, or ask AWS first with dsvault log holders ${name} --aws STACK`,
    );
  }
  const { tenant } = await client('whoami');
  const found = await holdersOf(name, logs, { ...always, tenant });
  const { holders } = found;
  if (holders.length === 0) note(noReader);
  else for (const line of tableLines(holderHead, holders.map(holderCells))) noteLine(line);
  for (const remark of remarksOn(found, always.from)) note(remark);
};

type Options = { readonly json: true | undefined; readonly asks: boolean };

/**
 * Destroys one version after the other, oldest first. If it fails, a repetition continues from
 * there.
 */
const destroyAll = async (
  session: Session,
  name: string,
  { json, asks }: Options,
): Promise<void> => {
  const [, ...superseded] = await readVersions(session, name);
  const versions = superseded.filter(({ state }) => state === 'stored').reverse();
  const count = `${versions.length} ${versions.length === 1 ? 'value' : 'values'}`;
  if (asks && versions.length > 0) await requireYes(`${count} of ${name}`);
  const destroyed: ReplyOf<'destroy-version'>[] = [];
  for (const { version } of versions) {
    destroyed.push(await session.client('destroy-version', { name, version }));
    if (!json) note(`destroyed version ${version}, ${destroyed.length} of ${versions.length}`);
  }
  await (json ? printJson({ name, destroyed }) : printLines([`${name}: ${count} destroyed`]));
};

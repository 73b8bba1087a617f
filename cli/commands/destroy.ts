import type { ReplyOf } from '../../client/types.ts';
import { failure, usage } from '../../system/failures.ts';
import { askYes } from '../output/ask-yes.ts';
import { note, printJson, printLines } from '../output/output.ts';
import { ofVersion, readVersions } from '../requests/secret-lists.ts';
import { openSession, type Session } from '../requests/vault-client.ts';
import { vaultCommand, versionArgument } from './command-line.ts';

export const destroyCommand = () =>
  vaultCommand(
    'destroy',
    'remove the values of old versions for ever; who wrote them and when stays',
    'dsvault destroy DB_PASSWORD@1',
    'dsvault destroy DB_PASSWORD --all',
  )
    .argument('<secret>', 'NAME@VERSION, or NAME with --all', versionArgument)
    .option('--all', 'all versions before the current one that hold a value')
    .option('--yes', 'do not ask at a terminal')
    .action(async ({ name, version }, { all, yes, json, ...flags }) => {
      if ((version === undefined) !== (all === true)) {
        throw usage('give NAME@VERSION, or NAME with --all');
      }
      if (all && !yes && !process.stdin.isTTY) {
        throw usage('--all asks at a terminal; where there is none it needs --yes');
      }
      const session = openSession(flags);
      if (version === undefined) return await destroyAll(session, name, { yes, json });
      if (!session.settings.curl) await requireYes(`the value of ${name}@${version}`, yes);
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
const requireYes = async (what: string, yes: true | undefined): Promise<void> => {
  if (yes || !process.stdin.isTTY) return;
  if (await askYes(`${what} will be gone for ever. Type yes to go on: `)) return;
  throw failure('nothing was destroyed');
};

type Options = { readonly yes: true | undefined; readonly json: true | undefined };

/** Destroys one version after the other, the oldest first. A repetition after a failure goes on from there. */
const destroyAll = async (
  session: Session,
  name: string,
  { yes, json }: Options,
): Promise<void> => {
  const [, ...superseded] = await readVersions(session, name);
  const versions = superseded.filter(({ state }) => state === 'stored').reverse();
  const count = `${versions.length} ${versions.length === 1 ? 'value' : 'values'}`;
  if (versions.length > 0) await requireYes(`${count} of ${name}`, yes);
  const destroyed: ReplyOf<'destroy-version'>[] = [];
  for (const { version } of versions) {
    destroyed.push(await session.client('destroy-version', { name, version }));
    if (!json) note(`destroyed version ${version}, ${destroyed.length} of ${versions.length}`);
  }
  await (json ? printJson({ name, destroyed }) : printLines([`${name}: ${count} destroyed`]));
};

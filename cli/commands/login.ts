import { type LocalToken, makeLocalToken } from '../checkout.ts';
import { openClient } from '../client.ts';
import { vaultCommand } from '../command.ts';
import { failure, usage } from '../failures.ts';
import { note, printJson } from '../output.ts';
import { findProfile, profileFile, writeProfile } from '../profile.ts';
import { isToken, profileName, readSettings } from '../settings.ts';
import { askHidden, readStdin } from '../values.ts';

export const loginCommand = () =>
  vaultCommand(
    'login',
    'keep a token, read from stdin, and the address of its vault in a profile',
    `
    dsv login --local
    dsv login --local --for cluster --tenant demo --sub you
    dsv login --profile production --addr https://vault.example.com < token
    `,
  )
    .option('--local', 'make the token for a vault that runs on this machine, and find its address')
    .option('--for <vault>', 'with --local: start, cluster, docker, sam or localstack')
    .option('--tenant <tenant>', 'with --local: the tenant of the token (demo)')
    .option('--sub <subject>', 'with --local: who you are (you)')
    .option('--scope <scopes>', 'with --local: what you may do (all but secrets:destroy)')
    .action(async ({ json, local, for: which, tenant, sub, scope, ...flags }) => {
      const profile = profileName(flags);
      if (!local && (which ?? tenant ?? sub ?? scope) !== undefined) {
        throw usage('--for, --tenant, --sub and --scope belong to --local');
      }
      if (local && flags.addr !== undefined) {
        throw usage('--local finds the address by itself: leave --addr out');
      }
      const made: LocalToken | undefined = local
        ? await makeLocalToken({ for: which, tenant: tenant ?? 'demo', sub: sub ?? 'you', scope })
        : undefined;
      const token = made?.token ?? (await readToken());
      // Login replaces the stored token, and also a damaged profile.
      const { token: _, ...kept } = findProfile(profile) ?? {};
      const settings = readSettings({ ...flags, addr: made?.url ?? flags.addr }, kept);
      // A token that the vault refuses is not stored.
      const source = local ? '--local' : 'stdin';
      await openClient({ ...settings, token: { text: token, source } })('get-status');
      const file = writeProfile(profile, { ...kept, addr: settings.addr, token });
      if (json) {
        return await printJson({ profile, addr: settings.addr, file: profileFile(profile) });
      }
      note(`profile ${profile} is kept in ${file}`);
    });

const readToken = async (): Promise<string> => {
  const typed = process.stdin.isTTY ? await askHidden('token: ') : await readStdin('the token');
  const token = typed.toString().trim();
  if (isToken(token)) return token;
  throw failure('denied', 'stdin holds no token');
};

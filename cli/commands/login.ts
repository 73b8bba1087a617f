import { openClient } from '../client.ts';
import { vaultCommand } from '../command.ts';
import { failure } from '../failures.ts';
import { note, printJson } from '../output.ts';
import { findProfile, profileFile, writeProfile } from '../profile.ts';
import { isToken, profileName, readSettings } from '../settings.ts';
import { askHidden, readStdin } from '../values.ts';

export const loginCommand = () =>
  vaultCommand(
    'login',
    'keep a token, read from stdin, and the address of its vault in a profile',
    `
    npm run -s token -- --tenant demo --sub you | dsv login
    dsv login --profile production --addr https://vault.example.com < token
    `,
  ).action(async ({ json, ...flags }) => {
    const profile = profileName(flags);
    const typed = process.stdin.isTTY ? await askHidden('token: ') : await readStdin('the token');
    const token = typed.toString().trim();
    if (!isToken(token)) throw failure('denied', 'stdin holds no token');
    // A token that is kept, and what is no profile at all, is to be replaced: neither is in the way.
    const { token: _, ...kept } = findProfile(profile) ?? {};
    const settings = readSettings(flags, kept);
    // What the vault does not take is not kept.
    await openClient({ ...settings, token: { text: token, source: 'stdin' } })('get-status');
    const file = writeProfile(profile, { ...kept, addr: settings.addr, token });
    if (json) return await printJson({ profile, addr: settings.addr, file: profileFile(profile) });
    note(`profile ${profile} is kept in ${file}`);
  });

import { printJson, printTable } from '../output/output.ts';
import { openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

export const whoamiCommand = () =>
  vaultCommand(
    'whoami',
    'tell who the vault takes you for, and what you may do',
    'dsvault whoami',
    'dsvault whoami --profile production --json',
  ).action(async ({ json, ...flags }) => {
    const { client, settings } = openSession(flags);
    const caller = await client('whoami');
    const told = { addr: settings.addr, ...caller, tokenFrom: settings.token?.source };
    if (json) return await printJson(told);
    const rows = Object.entries({ ...told, rule: caller.rule ?? 'none' });
    await printTable(
      ['WHAT', 'VALUE'],
      rows.map(([key, value]) => [key, [value].flat().join(' ')]),
    );
  });

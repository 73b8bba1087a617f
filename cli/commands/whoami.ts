import { openSession, vaultCommand } from '../command.ts';
import { failure } from '../failures.ts';
import { printJson, printTable } from '../output.ts';
import { claimsOf, expiryOf } from '../token.ts';

export const whoamiCommand = () =>
  vaultCommand(
    'whoami',
    'tell who the vault takes you for, and what you may do',
    `
    dsv whoami
    dsv whoami --profile production --json
    `,
  ).action(async ({ json, ...flags }) => {
    const { client, settings } = openSession(flags);
    // This throws unless the vault accepts the token, so its claims are true afterwards.
    await client('get-status');
    const claims = settings.token && claimsOf(settings.token.text);
    if (!settings.token || !claims) throw failure('denied', 'the token says nothing of itself');
    const { tenant = '', sub: subject = '', scope = '', names } = claims;
    const told = {
      addr: settings.addr,
      tenant,
      subject,
      scopes: scope.split(' ').filter((word) => word !== ''),
      names: names ?? ['*'],
      expires: expiryOf(claims) ?? null,
      tokenFrom: settings.token.source,
    };
    if (json) return await printJson(told);
    const rows = Object.entries(told).map(([key, value]) => [key, [value].flat().join(' ')]);
    await printTable(['WHAT', 'VALUE'], rows);
  });

/** The systemd units of docs/deploy/. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { exitCodes } from '../../system/failures.ts';

const linesOf = (unit: string): readonly string[] =>
  readFileSync(`docs/deploy/systemd/${unit}`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe.each(['vault.service', 'vault-node.service'])('the systemd unit %s', (unit) => {
  it('is restarted unless its settings, its key or its folder are wrong', () => {
    expect(linesOf(unit)).toEqual(
      expect.arrayContaining([
        'Restart=always',
        `RestartPreventExitStatus=${exitCodes.misconfigured}`,
      ]),
    );
  });
});

describe.each(['vault.service', 'vault-node.service'])('the systemd unit %s', (unit) => {
  it('gets the master key as a credential that is sealed on the disk', () => {
    expect(linesOf(unit)).toEqual(
      expect.arrayContaining([
        'LoadCredentialEncrypted=kms.json:/etc/vault/kms.json.cred',
        'Environment=VAULT_MASTER_KEY_FILE=%d/kms.json',
      ]),
    );
  });
});

describe.each(['vault-node.service', 'vault-backup.service'])('the systemd unit %s', (unit) => {
  it('is confined like the vault of one server, and cannot use a port below 1024', () => {
    const lines = linesOf('vault.service');
    const first = lines.findIndex((line) => line.startsWith('NoNewPrivileges'));
    const confinement = lines.slice(first, lines.indexOf('[Install]'));
    expect(confinement.length).toBeGreaterThan(15);
    expect(linesOf(unit)).toEqual(
      expect.arrayContaining([...confinement, 'CapabilityBoundingSet=', 'LimitCORE=0']),
    );
  });
});

/** What the user is told about a backup. */
import { expect, it } from '@jest/globals';
import { describeBackup } from '../../../../host/backup/sentences.ts';

const facts = { vault: 'v', table: 'vault', takenAt: '2026-11-28T06:00:00.000Z', store: 'etcd' };
const manifest = {
  ...{ vault: 'v', items: 1, secrets: 0, deletedSecrets: 0, versions: 0, destroyedVersions: 0 },
  ...{ idempotencyRecords: 0, unreadableItems: 0, masterKeyIds: [], sha256: '00' },
};
const none = 'no value, so it needs no master key';

it('the description of a backup without values says that no master key is needed, unless an item cannot be read', () => {
  expect(describeBackup({ facts, manifest })).toContain(none);
  const unreadable = describeBackup({ facts, manifest: { ...manifest, unreadableItems: 1 } });
  expect(unreadable).not.toContain(none);
  expect(unreadable.join()).toContain('1 item that the vault cannot read');
});

it('the description of a backup from a stopped node names no moment, and says what may be missing', () => {
  const told = describeBackup({ facts: { ...facts, alone: true }, manifest }).join();
  expect(told).not.toContain('as it was at');
  expect(told).toContain('it lacks what the nodes acknowledged after this one stopped');
});

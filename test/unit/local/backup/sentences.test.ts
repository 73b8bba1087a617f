/** The sentences that tell a person about a backup say what it holds. */
import { expect, it } from '@jest/globals';
import { describeBackup } from '../../../../local/backup/sentences.ts';

const facts = { vault: 'v', table: 'vault', takenAt: '2026-11-28T06:00:00.000Z', store: 'etcd' };
const manifest = {
  ...{ vault: 'v', items: 1, secrets: 0, deletedSecrets: 0, versions: 0, destroyedVersions: 0 },
  ...{ idempotencyRecords: 0, unreadableItems: 0, masterKeyIds: [], sha256: '00' },
};
const none = 'no value, so it needs no master key';

it('a backup without values needs no master key, unless an item of it cannot be read', () => {
  expect(describeBackup({ facts, manifest })).toContain(none);
  const unreadable = describeBackup({ facts, manifest: { ...manifest, unreadableItems: 1 } });
  expect(unreadable).not.toContain(none);
  expect(unreadable.join()).toContain('1 item that the vault cannot read');
});

it('a backup of a stopped node claims no moment as of which it is complete', () => {
  const told = describeBackup({ facts: { ...facts, alone: true }, manifest }).join();
  expect(told).not.toContain('as it was at');
  expect(told).toContain('it lacks what the nodes acknowledged after this one stopped');
});

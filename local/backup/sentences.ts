/** Tells a person what a backup holds. */
import type { Backup } from './file.ts';

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

export const describeBackup = ({ facts, manifest }: Backup): readonly string[] => {
  const { secrets, deletedSecrets, versions, destroyedVersions, idempotencyRecords } = manifest;
  const { unreadableItems, masterKeyIds, sha256 } = manifest;
  const [key, ...others] = masterKeyIds;
  return [
    `the vault ${facts.vault}, as it was at ${facts.takenAt}`,
    ...(facts.alone === undefined
      ? []
      : [
          'what one node held that did not run: a write that the nodes acknowledged is missing if this node did not hear ' +
            'so, as in the last moments before it lost the others',
        ]),
    `${counted(secrets, 'secret')}, of which ${deletedSecrets} deleted`,
    `${counted(versions, 'version')}, of which ${destroyedVersions} destroyed`,
    counted(idempotencyRecords, 'idempotency record'),
    ...(unreadableItems > 0
      ? [
          `${counted(unreadableItems, 'item')} that the vault cannot read: see npm run inspect -- --verify`,
        ]
      : []),
    key === undefined
      ? 'no value, so it needs no master key'
      : `values under the master key ${[key, ...others].join(' and ')}`,
    `the digest of its items is sha256 ${sha256}`,
  ];
};

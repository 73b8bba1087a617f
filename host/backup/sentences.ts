/** Describes what a backup contains. */
import { asTypedHere } from '../process/commands.ts';
import type { Backup } from './file.ts';
import type { Facts } from './format.ts';

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

/**
 * Says which master keys the values of the backup need. If no key is known but some items cannot be
 * read, it says nothing, because these may need any key.
 */
const keysOf = ({ masterKeyIds, unreadableItems }: Backup['manifest']): readonly string[] => {
  if (masterKeyIds.length > 0) return [`values under the master key ${masterKeyIds.join(' and ')}`];
  return unreadableItems > 0 ? [] : ['no value, so it needs no master key'];
};

/** Says what was copied, and what it may lack. */
export const describeMoment = ({ alone, vault, takenAt }: Facts): readonly string[] =>
  alone === undefined
    ? [`the vault ${vault}, as it was at ${takenAt}`]
    : [
        `the vault ${vault}, as a stopped node held it; copied at ${takenAt}`,
        'it lacks what the nodes acknowledged after this one stopped or lost the others, and perhaps the last moments before',
      ];

export const describeBackup = ({ facts, manifest }: Backup): readonly string[] => {
  const { secrets, deletedSecrets, versions, destroyedVersions, idempotencyRecords } = manifest;
  const { unreadableItems, sha256 } = manifest;
  return [
    ...describeMoment(facts),
    `${counted(secrets, 'secret')}, of which ${deletedSecrets} deleted`,
    `${counted(versions, 'version')}, of which ${destroyedVersions} destroyed`,
    counted(idempotencyRecords, 'idempotency record'),
    ...(unreadableItems > 0
      ? [
          `${counted(unreadableItems, 'item')} that the vault cannot read: see ${asTypedHere('npm run inspect -- --verify')}`,
        ]
      : []),
    ...keysOf(manifest),
    `the sha256 of its items is ${sha256}`,
  ];
};

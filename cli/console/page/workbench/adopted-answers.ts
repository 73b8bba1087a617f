/** Describes what happened to the plain values of a file, and builds the file to show. */
import type { Adoption } from '../../../../functions/env/adoption.ts';
import { isPublicName } from '../../../../functions/env/looks-secret.ts';
import { counted } from '../counted.ts';
import type { ResultFile } from './env-requests.ts';
import { mask } from './masked-files.ts';

/**
 * Says what was stored and what stays in plain text. `found` are the names of the secrets that
 * already had the same values.
 */
export const sentencesAboutAdoption = (
  adoption: Adoption,
  found: readonly string[],
  isDryRun: boolean,
): string => {
  const { secrets, unfit, plain } = adoption;
  const stored = counted(secrets.length - found.length, 'secret');
  const staying = [...unfit.map(({ key }) => key), ...plain.map(plainName)];
  return [
    secrets.length === 0 && 'The file stays as it is: it has no value to store.',
    secrets.length > found.length && (isDryRun ? `It would store ${stored}.` : `Stored ${stored}.`),
    found.length > 0 && `These already had the same values: ${found.join(', ')}.`,
    staying.length > 0 && `These stay in plain text: ${staying.join(', ')}.`,
    isDryRun && 'Nothing was stored: this was a dry run.',
  ]
    .filter(Boolean)
    .join(' ');
};

const plainName = (key: string): string =>
  isPublicName(key) ? `${key} (public by its name)` : key;

/**
 * Returns the new file, or nothing if no value becomes a secret. Its `before` is the new file with
 * a mask in place of each reference to one of the secrets, so the page shows exactly these as
 * changed.
 */
export const adoptedFiles = (
  { content, secrets }: Adoption,
  isDryRun: boolean,
): readonly ResultFile[] => {
  if (secrets.length === 0) return [];
  const before = secrets.reduce(
    (text, { name }) => text.replaceAll(`secret(${name})`, mask),
    content,
  );
  return [
    {
      title: isDryRun ? 'The file as it would become' : 'The adopted file',
      ...{ fileName: 'adopted.env', before, content, masked: content, holdsValues: false },
    },
  ];
};

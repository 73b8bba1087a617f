/**
 * A release: the packages and the action, with notes, SECURITY.md, a bill of materials and the
 * checksums of them all. It is made of one commit, and making it again gives the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { failure, usage } from '../../system/failures.ts';
import { billOfMaterials } from './bill-of-materials.ts';
import { type Addresses, packAll } from './packages.ts';

const { version } = manifest;

/** The folder of the release. */
export const releaseFolder = `.local/release/${version}`;

/** The paragraph of SECURITY.md in whose place a release names the address for reports. */
const withoutAddress = /^There is no public address for reports yet(?:.+\n)+/m;

const git = (...words: readonly string[]): string => {
  const { stdout, status, error } = spawnSync('git', words, { encoding: 'utf8' });
  if (status !== 0) throw failure(`git ${words[0]} failed (${error?.message ?? status})`);
  return stdout.trimEnd();
};

/** Returns the commit and its time. Throws a user-facing error if files differ from the commit. */
const commitToRelease = () => {
  const [changed] = git('status', '--porcelain').split('\n');
  if (changed) {
    throw failure(`${changed.slice(3)} is not as committed: commit it, or put it aside`);
  }
  const [commit = '', seconds] = git('log', '-1', '--format=%H %ct').split(' ');
  return { commit, time: new Date(Number(seconds) * 1_000).toISOString() };
};

/**
 * Returns the section of the changelog about this version. Links become plain text, because the
 * pages are not part of the release. Throws a user-facing error if there is no such section.
 */
const notes = (): string => {
  const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^(?=## )/m);
  const own = sections.find((section) => section.startsWith(`## ${version} - `));
  if (own === undefined) {
    throw failure(
      `CHANGELOG.md has no section ${version} with a date: docs/releases.md says how to make a release`,
    );
  }
  return `${own.replaceAll(/\[([^\]]+)\]\((?!https:)[^)]*\)/g, '$1').trimEnd()}\n`;
};

/** Returns SECURITY.md, with the address for reports if there is one. */
const security = (contact: string | undefined): string => {
  const text = readFileSync('SECURITY.md', 'utf8');
  if (!withoutAddress.test(text)) throw failure('SECURITY.md has no paragraph for --contact');
  if (contact === undefined) return text;
  return text.replace(withoutAddress, `Report a weakness to ${contact}, not in a public issue.\n`);
};

/** Returns the checksums of all files below the folder, as `sha256sum --check` reads them. */
const checksums = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((file) => [file.slice(folder.length + 1), readFileSync(file)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, bytes]) => `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`)
    .join('');

/**
 * Makes the release of the checked-out commit in `releaseFolder`. `contact` is where people report
 * weaknesses: an email address, or an address that begins with https://. Throws a user-facing error
 * if an address is invalid, a file is not committed, or the changelog lacks the version.
 */
export const makeRelease = async (addresses: Addresses, contact?: string): Promise<void> => {
  if (contact !== undefined && !/^(https:\/\/\S+|[^\s@]+@[^\s@]+)$/.test(contact)) {
    throw usage('--contact is an email address, or begins with https://');
  }
  const { commit, time } = commitToRelease();
  const files = {
    'NOTES.md': notes(),
    'SECURITY.md': security(contact),
    'sbom.cdx.json': billOfMaterials(commit, time),
  };
  await packAll(addresses, releaseFolder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(releaseFolder, name), text);
  const sums = checksums(releaseFolder);
  writeFileSync(join(releaseFolder, 'SHA256SUMS'), sums);
  process.stdout.write(sums);
};

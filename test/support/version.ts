/**
 * Writes the version of package.json into the documents that name it. `npm run fix` runs this file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import manifest from '../../package.json' with { type: 'json' };

const ofArchive = /(?<=\bdsvault-(?:client-)?)\d[\w.+-]*(?=\.tgz)/g;
/** The documents that name the version, and the pattern that finds the version in each. */
const documents: readonly (readonly [file: string, places: RegExp])[] = [
  ['docs/openapi.yaml', /(?<=^ {2}version: ).+$/gm],
  ['host/Dockerfile', /(?<=image\.version=")[^"]+/g],
  ['README.md', ofArchive],
  ['docs/cli.md', ofArchive],
  ['docs/deploy/one-server.md', ofArchive],
  ['client/README.md', ofArchive],
];

/**
 * Returns each of these documents with its text as it is, and its text as it must be for the
 * version in package.json.
 */
export const versionedDocuments = () =>
  documents.map(([file, places]) => {
    const text = readFileSync(file, 'utf8');
    return { file, text, wanted: text.replaceAll(places, manifest.version) };
  });

if (process.argv[1]?.endsWith('test/support/version.ts')) {
  for (const { file, wanted } of versionedDocuments()) writeFileSync(file, wanted);
}

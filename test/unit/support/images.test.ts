/** The equipment of tests with containers: Docker, and the images that a machine may have to make by itself. */
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

/** Makes a Docker client that fails with these words the only program on the PATH. */
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

describe('a program that needs Docker', () => {
  it.each(sentences)('says in one sentence what to do: %s', async (words, sentence) => {
    onlyDocker(words);
    await expect(requireDocker()).rejects.toThrow(sentence);
  });
});

describe('startDaemon', () => {
  it.each(sentences)('installs and starts nothing that it cannot: %s', async (words, sentence) => {
    const folder = onlyDocker(words);
    const said: string[] = [];
    await expect(startDaemon(folder, (line) => void said.push(line))).rejects.toThrow(sentence);
    expect(said).toEqual([]);
    expect(readdirSync(join(folder, '..'))).toEqual(['docker']);
  });
});

describe('the images of a node', () => {
  it('are the same in compose.yaml, in the Dockerfile and in the tests', () => {
    const { base, etcd } = nodeImages;
    const compose = parse(readFileSync('compose.yaml', 'utf8'), { merge: true });
    expect(compose['x-container'].build.args).toEqual({
      BASE: `\${VAULT_BASE_IMAGE:-${base}}`,
      ETCD: `\${VAULT_ETCD_IMAGE:-${etcd}}`,
    });
    const lines = readFileSync('local/containers/Dockerfile', 'utf8').split('\n');
    expect(lines.filter((line) => line.startsWith('ARG '))).toEqual([
      `ARG BASE=${base}`,
      `ARG ETCD=${etcd}`,
    ]);
  });

  it('is built in stages, and its last one takes packages from another and says what it is', () => {
    const lines = readFileSync('local/containers/Dockerfile', 'utf8').replaceAll('\\\n', '');
    const [last = '', ...others] = lines.split(/^(?=FROM )/m).reverse();
    expect(others.map((stage) => /^FROM \S+ AS (\S+)/.exec(stage)?.[1])).toEqual([
      ...['packages', 'etcd'],
      undefined,
    ]);
    expect(last).not.toContain('npm');
    for (const label of ['title', 'description', 'licenses', 'version']) {
      expect(last).toMatch(new RegExp(`org\\.opencontainers\\.image\\.${label}="[^"]+"`));
    }
  });

  it('hold each file that their programs import', async () => {
    const dockerfile = readFileSync('local/containers/Dockerfile', 'utf8');
    const copied = [...dockerfile.matchAll(/^COPY --chown=1000:1000 (.*) \S+$/gm)]
      .flatMap(([, sources = '']) => sources.split(' '))
      .map((source) => (source.includes('.') ? source : `${source}/`));
    const programs = 'backup cluster health inspect node restore start token'.split(' ');
    const { metafile } = await build({
      entryPoints: programs.map((name) => `local/bin/${name}.ts`),
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external' },
      ...{ metafile: true, write: false, outdir: '.' },
    });
    const isThere = (file: string) => copied.some((source) => file.startsWith(source));
    expect(Object.keys(metafile.inputs).filter((file) => !isThere(file))).toEqual([]);
  });

  it('run below a first process of Docker, and in limits of memory', () => {
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

  it('have the release of etcd that the tests run on', () => {
    const version = nodeImages.etcd.split(':')[1];
    const modules = readFileSync('test/support/etcd/go.mod', 'utf8').split('\n');
    expect(modules).toContain(`require go.etcd.io/etcd/server/v3 ${version}`);
  });
});

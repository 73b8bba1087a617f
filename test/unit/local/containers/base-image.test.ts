import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ordinaryImages } from '../../../../local/containers/base-image.ts';

const { base, etcd } = ordinaryImages;

it('compose.yaml and the Dockerfile preset the same images', () => {
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

it('the image has the release of etcd that the tests run on', () => {
  const version = etcd.split(':')[1];
  const modules = readFileSync('test/support/etcd/go.mod', 'utf8').split('\n');
  expect(modules).toContain(`require go.etcd.io/etcd/server/v3 ${version}`);
});

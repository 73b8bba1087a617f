/** An etcd over a copy of a node's files. A script stands in for etcd, and refuses the files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { startCopiedMember } from '../../../../host/node/lone-etcd.ts';
import { rememberChild } from '../../../../host/process/process-record.ts';
import { freshFolder } from '../../../support/local-process.ts';

const path = process.env['PATH'];
afterEach(() => {
  process.env['PATH'] = path;
});

it('startCopiedMember ends the etcd that a killed node left behind', async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, 'etcd', 'member'), { recursive: true });
  writeFileSync(join(folder, 'etcd', 'member', 'wal'), '');
  const left = spawn('sleep', ['60']);
  const ended = once(left, 'exit');
  rememberChild(join(folder, 'etcd.pid'), left);
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'etcd'), `#!/bin/sh\necho 'no copy' >&2\nexit 2\n`);
  chmodSync(join(bin, 'etcd'), 0o755);
  process.env['PATH'] = `${bin}${delimiter}${path}`;
  await expect(startCopiedMember(folder)).rejects.toThrow(
    /^etcd cannot use the files of .*no copy/,
  );
  expect(left.signalCode ?? left.exitCode).not.toBeNull();
  await ended;
});

import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startDaemon } from '../../../../local/containers/daemon.ts';

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

describe('startDaemon', () => {
  it('installs and starts nothing, and says what to do, if this user may not use Docker', async () => {
    const folder = onlyDocker(
      'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get ' +
        '"http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version": dial unix /var/run/docker.sock: connect: permission denied',
    );
    const said: string[] = [];
    const started = startDaemon(folder, (line) => void said.push(line));
    await expect(started).rejects.toThrow(
      /^this user may not use Docker \(docker version failed: permission denied .*\): add the user to the group docker/,
    );
    expect(said).toEqual([]);
    expect(readdirSync(join(folder, '..'))).toEqual(['docker']);
  });

  it('asks for a daemon in one sentence if none runs and none can be installed', async () => {
    const folder = onlyDocker('Cannot connect to the Docker daemon. Is the docker daemon running?');
    await expect(startDaemon(folder, () => undefined)).rejects.toThrow(
      /^no Docker daemon answers \(docker version failed: Cannot connect .*\): start one/,
    );
  });
});

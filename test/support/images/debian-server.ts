/**
 * The image of a freshly installed Debian 13 machine: systemd as the first process, sudo and sshd,
 * but nothing of the vault.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../host/process/run.ts';
import { docker, hasImage } from '../../../local/containers/docker.ts';
import { findProgram } from '../../../system/programs.ts';

const packages = 'systemd systemd-sysv dbus sudo openssh-server openssh-client iproute2';
/** The container is thrown away later, so dpkg need not sync what it installs. */
const fast = 'echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/unsafe-io"';
/**
 * systemd needs version 2 of control groups. A machine that also has version 1 gives both to its
 * containers, so the container mounts version 2 itself.
 */
const boot =
  'umount --recursive /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec /lib/systemd/systemd';

const recipe = createHash('sha256')
  .update(readFileSync(join(import.meta.dirname, 'debian-server.ts')))
  .digest('hex');
/** The tag contains the digest of this file, so an image of an older recipe is never used. */
export const serverImage = `vault-test-server:${recipe.slice(0, 12)}`;

/**
 * Makes the image if it is missing, as root on Debian. Throws an error for the user if that fails.
 */
export const ensureServerImage = async (
  root: string,
  say: (line: string) => void,
): Promise<void> => {
  if (await hasImage(serverImage)) return;
  say(`making ${serverImage} out of Debian's packages`);
  if (findProgram('mmdebstrap') === undefined) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-yqq', '--no-install-recommends', 'mmdebstrap'], { env });
  }
  const folder = join(root, '.local', 'container');
  mkdirSync(folder, { recursive: true });
  const archive = join(folder, 'server.tar');
  const include = `--include=${packages.replaceAll(' ', ',')}`;
  await run('mmdebstrap', [
    ...['--variant=minbase', include, `--customize-hook=${fast}`],
    ...['trixie', archive],
  ]);
  const command = `CMD ${JSON.stringify(['sh', '-c', boot])}`;
  await docker(['import', '--change', command, archive, serverImage]);
  rmSync(archive);
};

/**
 * The image of a Debian 13 machine as an installation leaves it: systemd, sudo and sshd, and nothing of the vault. Its
 * first process is systemd.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { docker, hasImage } from '../../../local/containers/docker.ts';
import { run } from '../../../local/process/run.ts';
import { findProgram } from '../../../system/programs.ts';

const packages = 'systemd systemd-sysv dbus sudo openssh-server openssh-client iproute2';
/** A container that is thrown away needs no fsync of its packages. */
const fast = 'echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/unsafe-io"';
/**
 * systemd needs the second version of control groups. A machine that has the first one, too, gives a container both, so
 * the container mounts its own.
 */
const boot =
  'umount --recursive /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec /lib/systemd/systemd';

const recipe = createHash('sha256')
  .update(readFileSync(join(import.meta.dirname, 'debian-server.ts')))
  .digest('hex');
/** The tag is that of this recipe, so an older image is never taken. */
export const serverImage = `vault-test-server:${recipe.slice(0, 12)}`;

/** Makes the image if it is not here, as root on Debian. Throws a sentence if it cannot be made. */
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

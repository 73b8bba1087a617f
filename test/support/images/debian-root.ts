/**
 * Makes the root folder of an image from Debian's packages and a Node. It contains only what the
 * stand-ins need: busybox as the shell, and no package manager.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../../../host/process/run.ts';
import { failure } from '../../../system/failures.ts';
import { findProgram } from '../../../system/programs.ts';
import { fetchNode24 } from './node-24.ts';

const packages = [
  'busybox-static',
  'ca-certificates',
  'libatomic1',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
];
const commands = 'cat chmod chown cp env id kill ln ls mkdir mv ps rm sh sleep test true wget';
const folders = 'usr/bin usr/lib usr/lib64 usr/sbin etc/ssl/certs opt proc root sys dev var';
/** Folders with documentation and translations, which an image does not need. */
const unneeded = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/lintian'];

const users = 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/tmp:/bin/sh\n';
const groups = 'root:x:0:\nnode:x:1000:\n';

export type DebianRoot = {
  /** This folder is emptied first. */
  readonly folder: string;
  /** The folder of the checkout. */
  readonly root: string;
};

const unpack = async (folder: string, downloads: string, names: readonly string[]) => {
  rmSync(downloads, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  await run('apt-get', ['download', '-qq', ...names], { cwd: downloads });
  for (const file of readdirSync(downloads)) {
    // In Debian's root folder, /lib and others are symbolic links into /usr. A package with files
    // in /lib must not replace the link.
    const script = 'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --keep-directory-symlink';
    await run('sh', ['-c', script, join(downloads, file), folder]);
  }
};

const gatherCertificates = (folder: string): void => {
  const from = join(folder, 'usr/share/ca-certificates/mozilla');
  const texts = readdirSync(from).map((file) => readFileSync(join(from, file), 'utf8'));
  writeFileSync(join(folder, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''));
};

/**
 * Throws a user-facing error if this is not Debian. Throws as well if a package cannot be
 * downloaded.
 */
export const makeDebianRoot = async ({ folder, root }: DebianRoot): Promise<void> => {
  if (findProgram('apt-get') === undefined || findProgram('dpkg-deb') === undefined) {
    throw failure('an image can be pulled or, on Debian, made out of packages: here neither');
  }
  rmSync(folder, { recursive: true, force: true });
  for (const path of folders.split(' ')) mkdirSync(join(folder, path), { recursive: true });
  for (const path of ['bin', 'lib', 'lib64', 'sbin']) {
    symlinkSync(`usr/${path}`, join(folder, path));
  }
  const downloads = join(dirname(folder), 'packages');
  await unpack(folder, downloads, packages);
  gatherCertificates(folder);
  for (const path of unneeded) rmSync(join(folder, path), { recursive: true, force: true });
  for (const name of commands.split(' ')) symlinkSync('busybox', join(folder, 'usr/bin', name));
  const node = join(folder, 'usr/bin/node');
  copyFileSync(await fetchNode24(root), node);
  chmodSync(node, 0o755);
  writeFileSync(join(folder, 'etc/passwd'), users);
  writeFileSync(join(folder, 'etc/group'), groups);
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  mkdirSync(join(folder, 'tmp'));
  chmodSync(join(folder, 'tmp'), 0o1777);
};

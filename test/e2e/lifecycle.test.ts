/** How the programs that people start begin to serve, refuse to start, and stop. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { openDatabase, storeFile } from '../../host/sqlite/database.ts';
import { familyOf, listeningOf } from '../support/listening.ts';
import { addressOf, freshFolder, type LocalProcess, runLocal } from '../support/local-process.ts';
import { describeLocal, freshName, startVault, useVault } from '../support/running-vault.ts';
import { until } from '../support/until.ts';

const folders: string[] = [];
const folder = (): string => {
  const made = freshFolder();
  folders.push(made);
  return made;
};
const started: LocalProcess[] = [];
afterAll(async () => {
  // A vault that started although it must not would keep the test run from ending.
  for (const { child, exit } of started) {
    child.kill('SIGKILL');
    await exit;
  }
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

const start = (env: NodeJS.ProcessEnv): LocalProcess => {
  const vault = runLocal('start', [], { VAULT_DATA_DIR: folder(), PORT: '0', ...env });
  started.push(vault);
  return vault;
};

/**
 * Counts the open connections that a process has accepted at a port of this machine and from which
 * it has read everything that arrived.
 */
const acceptedAt = (port: number): number => {
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const [hexadecimal, established] = [port.toString(16).toUpperCase().padStart(4, '0'), '01'];
  return rows.filter((row) => {
    const [, local = '', , state, queues = '', , , , , inode] = row.trim().split(/\s+/);
    const isRead = inode !== '0' && queues.endsWith(':00000000');
    return local.endsWith(`:${hexadecimal}`) && state === established && isRead;
  }).length;
};
const wait = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** The processes that still run after a second. A zombie does not count. */
const survivorsOf = async (pids: readonly number[]): Promise<readonly number[]> => {
  const running = () =>
    pids.filter((pid) => {
      try {
        return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      } catch {
        return false;
      }
    });
  for (let turn = 0; turn < 50 && running().length > 0; turn += 1) await wait(20);
  return running();
};

describeLocal('a vault that serves', () => {
  const vault = useVault();
  const pid = () => vault.process()?.child.pid ?? 0;

  it('is one process with one port, on loopback', () => {
    const family = familyOf(pid());
    expect(family).toHaveLength(1);
    expect(listeningOf(family).map(({ host }) => host)).toEqual(['127.0.0.1']);
  });

  it('makes its files accessible only to their owner', () => {
    expect(statSync(vault.dataDir).mode & 0o077).toBe(0);
    const files = readdirSync(vault.dataDir, { recursive: true, withFileTypes: true });
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      expect([file.name, statSync(join(file.parentPath, file.name)).mode & 0o077]).toEqual([
        file.name,
        0,
      ]);
    }
  });

  it('refuses a second vault in its folder, and continues to serve', async () => {
    const second = start({ VAULT_DATA_DIR: vault.dataDir });
    expect(await second.exit).toBe(1);
    expect(second.errors).toHaveLength(1);
    expect(second.errors[0]).toContain(vault.dataDir);
    expect((await vault.call('GET', '/health')).status).toBe(200);
  });

  it('refuses a second vault at its port with one sentence', async () => {
    const { port } = new URL(vault.baseUrl());
    const other = start({ PORT: port });
    expect(await other.exit).toBe(1);
    expect(other.errors).toHaveLength(1);
    expect(other.errors[0]).toMatch(new RegExp(`${port}.*in use`));
    expect(other.output).toEqual([]);
  });

  it('is ready for a proxy, except while its store is moved away', async () => {
    const ready = async () => (await vault.call('GET', '/health?ready')).status;
    expect(await ready()).toBe(200);
    const store = join(vault.dataDir, storeFile);
    renameSync(store, `${store}.away`);
    try {
      await until(async () => (await ready()) === 503);
      expect((await vault.call('HEAD', '/health?ready')).status).toBe(503);
      expect((await vault.call('GET', '/health')).status).toBe(200);
    } finally {
      renameSync(`${store}.away`, store);
    }
    await until(async () => (await ready()) === 200);
  });

  // Shows G2, G12.
  it('loses nothing after kill -9 and a restart on the same folder', async () => {
    const name = await vault.create('kept');
    const family = familyOf(pid());
    await vault.kill9();
    await vault.restart();
    expect((await vault.ask('GET', `/v1/secrets/${name}`)).json.value).toBe('kept');
    expect(await survivorsOf(family)).toEqual([]);
  });
});

describeLocal('a vault that is asked to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'exits with 0 on %s and ends all its processes',
    async (signal) => {
      const dataDir = folder();
      const vault = start({ VAULT_DATA_DIR: dataDir });
      const url = await addressOf(vault);
      expect(vault.output).toEqual([
        `vault listening on ${url}`,
        `a token to try it: VAULT_DATA_DIR=${dataDir} npm run -s token -- --tenant demo --sub you`,
      ]);
      const family = familyOf(vault.child.pid ?? 0);
      // With Ctrl-C, a vault gets the signal twice: from the terminal and from npm.
      vault.child.kill(signal);
      vault.child.kill(signal);
      expect(await vault.exit).toBe(0);
      expect(vault.errors).toEqual([]);
      expect(await survivorsOf(family)).toEqual([]);
      expect(readdirSync(dataDir)).not.toContain('running.json');
    },
  );

  it('also stops while it is still starting', async () => {
    const dataDir = folder();
    const vault = start({ VAULT_DATA_DIR: dataDir });
    await until(() => existsSync(join(dataDir, 'lock')));
    vault.child.kill('SIGTERM');
    expect(await vault.exit).toBe(0);
    expect(readdirSync(dataDir)).not.toContain('running.json');
  });

  it('first answers the requests in progress', async () => {
    const vault = await startVault();
    const names = Array.from({ length: 24 }, () => freshName());
    // While another program holds the store's lock, no write can finish, so all are in progress
    // when the signal arrives.
    const other = openDatabase(join(vault.dataDir, storeFile), 'write');
    other.exec('BEGIN IMMEDIATE');
    const answers = Promise.allSettled(
      names.map((name) => vault.ask('POST', '/v1/secrets', { name, value: 'v' })),
    );
    try {
      const port = Number(new URL(vault.baseUrl()).port);
      await until(() => acceptedAt(port) === names.length);
      vault.process()?.child.kill('SIGTERM');
      await wait(200);
    } finally {
      other.close();
    }
    expect(await vault.process()?.exit).toBe(0);
    const settled = await answers;
    expect(
      settled.map((answer) => (answer.status === 'fulfilled' ? answer.value.status : 0)),
    ).toEqual(names.map(() => 201));
    await vault.restart();
    for (const name of names) {
      expect((await vault.ask('GET', `/v1/secrets/${name}`)).status).toBe(200);
    }
    await vault.stop();
  });
});

describeLocal('a vault that cannot start', () => {
  /**
   * Starts a vault with these settings. Checks that it refuses to start: it prints one sentence,
   * ends, and leaves no process behind.
   */
  const refusal = async (env: NodeJS.ProcessEnv, dataDir = folder()) => {
    const vault = start({ VAULT_DATA_DIR: dataDir, ...env });
    const code = await vault.exit;
    expect(vault.output).toEqual([]);
    expect(vault.errors).toHaveLength(1);
    return { code, sentence: vault.errors[0] ?? '' };
  };

  it.each([
    ['kms.json', 'vault.json', 'kms.json is missing, the master key of the vault in'],
    ['vault.json', 'kms.json', 'vault.json is missing, the id of the vault whose data'],
  ])('creates no new %s next to the data of an existing vault', async (missing, present, why) => {
    const dataDir = folder();
    writeFileSync(join(dataDir, 'vault.sqlite'), '');
    writeFileSync(join(dataDir, present), '{"id":"vault-1"}');
    const { code, sentence } = await refusal({}, dataDir);
    expect(code).toBe(78);
    expect(sentence).toContain(why);
    expect(readdirSync(dataDir)).not.toContain(missing);
  });

  const namingVariable = 'AUTH_POLICY_FILE names this file: correct the variable or the file';
  it.each<[string, string | undefined, NodeJS.ProcessEnv, string]>([
    [
      'is missing',
      undefined,
      {},
      `the access policy access.yaml cannot be read (ENOENT); ${namingVariable}`,
    ],
    ['is faulty', 'issuers: []', {}, `access.yaml: line 1: issuers is empty; ${namingVariable}`],
    [
      'is combined with an issuer in variables',
      'issuers: [{ id: local, localKey: true }]',
      { AUTH_ISSUER: 'urn:i' },
      'AUTH_POLICY_FILE and AUTH_ISSUER are set together; set one',
    ],
  ])('names the fault of an access policy that %s', async (_, text, variables, expected) => {
    const dataDir = folder();
    const file = join(dataDir, 'access.yaml');
    if (text !== undefined) writeFileSync(file, text);
    const { code, sentence } = await refusal({ AUTH_POLICY_FILE: file, ...variables }, dataDir);
    expect([code, sentence.replace(file, 'access.yaml')]).toEqual([78, expected]);
    expect(readdirSync(dataDir)).not.toContain('running.json');
  });

  it('names a data folder that it cannot create', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const dataDir = join(file, 'data');
    const { code, sentence } = await refusal({ VAULT_DATA_DIR: dataDir });
    expect(code).toBe(78);
    expect(sentence).toContain(dataDir);
  });

  it('names the missing settings of a foreign issuer', async () => {
    const AUTH_ISSUER = 'https://issuer.invalid';
    const missing = await refusal({ AUTH_ISSUER });
    expect(missing.code).toBe(78);
    expect(missing.sentence).toMatch(/AUTH_AUDIENCE/);
    expect(missing.sentence).toMatch(/AUTH_JWKS/);
  });

  it('says what VAULT_COMMIT must be if it is not the id of a commit', async () => {
    const { code, sentence } = await refusal({ PATH: '/nowhere', VAULT_COMMIT: 'main' });
    expect(code).toBe(78);
    expect(sentence).toMatch(/^VAULT_COMMIT must be 40 hexadecimal/);
  });

  it('refuses a key set with a private key, without showing it', async () => {
    const identity = { AUTH_ISSUER: 'https://issuer.invalid', AUTH_AUDIENCE: 'vault' };
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'c4n4ry', d: 'c4n4ry' };
    const { code, sentence } = await refusal({
      ...identity,
      AUTH_JWKS: JSON.stringify({ keys: [key] }),
    });
    expect(code).toBe(78);
    expect(sentence).not.toContain('c4n4ry');
  });
});

describeLocal('the token command', () => {
  const token = async (args: readonly string[], dataDir = folder()) => {
    const command = runLocal('token', args, { VAULT_DATA_DIR: dataDir });
    return { code: await command.exit, ...command };
  };
  const claimsIn = (jwt = '') =>
    JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >;

  it('prints one token and nothing else, without a running vault', async () => {
    const args = '--tenant acme --sub alice --ttl 1h'.split(' ');
    const scope = ['--scope', 'secrets:read secrets:write', '--names', 'billing.*,DB_HOST'];
    const { code, output, errors } = await token([...args, ...scope]);
    expect([code, errors, output.length]).toEqual([0, [], 1]);
    expect(output[0]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    const { exp, iat, ...claims } = claimsIn(output[0]);
    expect(claims).toMatchObject({
      iss: 'urn:vault:local',
      aud: 'vault',
      tenant: 'acme',
      sub: 'alice',
      scope: 'secrets:read secrets:write',
      names: ['billing.*', 'DB_HOST'],
    });
    expect(Number(exp) - Number(iat)).toBe(3_600);
  });

  it('prints tokens that a vault of the same folder accepts, whichever ran first', async () => {
    const dataDir = folder();
    const args = ['--tenant', 'acme', '--sub', 'alice'];
    const before = await token(args, dataDir);
    const vault = await startVault({ VAULT_DATA_DIR: dataDir });
    const after = await token(args, dataDir);
    for (const { output } of [before, after]) {
      const reply = await vault.call('GET', '/v1/secrets', { token: output[0] ?? '' });
      expect(reply.status).toBe(200);
    }
    await vault.stop();
  });
});

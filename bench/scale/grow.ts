/** The measurements along the axes below HTTP, on the embedded store and KMS. */
import { randomBytes } from 'node:crypto';
import type { Principal } from '../../functions/model/types.ts';
import { createSecret } from '../../functions/vault/create-secret.ts';
import { expandEnv } from '../../functions/vault/expand-env.ts';
import { type GetSecret, getSecret } from '../../functions/vault/get-secret.ts';
import { listSecrets } from '../../functions/vault/list-secrets.ts';
import { listVersions } from '../../functions/vault/list-versions.ts';
import { encryptEnv } from '../../functions/vault/submit-env.ts';
import { updateSecret } from '../../functions/vault/update-secret.ts';
import type { startUnchecked } from '../../test/support/embedded.ts';
import { bytes, someone } from '../../test/support/requests.ts';
import { file } from '../../test/support/vault.ts';
import { createFill } from '../fill.ts';
import { times } from '../operations.ts';

import { type Axis, type Point, sizes } from './points.ts';
import { takeAll, type Work } from './take.ts';

type Vault = Awaited<ReturnType<typeof startUnchecked>>;

const usualBytes = 256;
const writersForMs = 1_000;
const usualValue = bytes('x'.repeat(usualBytes));

const newName = (): string => `N${randomBytes(6).toString('hex')}`;
const below = (count: number): number => Math.floor(Math.random() * count);

const plainList = { state: 'stored', includeDetails: false } as const;

/** The operations of one caller, with random names and requests for each. */
const operationsOf = ({ ports }: Vault, principal: Principal) => ({
  create: (value = usualValue): Work => {
    const create = createSecret(ports);
    return (context) =>
      create(context, principal, { name: newName(), value, fingerprint: undefined });
  },
  update: (name: () => string, value = usualValue): Work => {
    const update = updateSecret(ports);
    const more = { value, ifMatch: undefined, fingerprint: undefined };
    return (context) => update(context, principal, { name: name(), ...more });
  },
  get: (name: () => string, which: () => GetSecret['which'] = () => 'latest'): Work => {
    const get = getSecret(ports);
    return (context) => get(context, principal, { name: name(), which: which() });
  },
  versions: (name: string): Work => {
    const page = {
      name,
      order: 'desc',
      limit: 50,
      after: undefined,
      includeValues: false,
    } as const;
    return (context) => listVersions(ports)(context, principal, page);
  },
  list: (): Work => {
    const page = () => ({ prefix: '', after: newName(), limit: 100, ...plainList });
    return (context) => listSecrets(ports)(context, principal, page());
  },
  encrypt: (count: number): Work => {
    const content = () => {
      const prefix = newName();
      const line = (index: number) => `${prefix}_${index}=x\nX${index}=enc(${prefix}_${index})\n`;
      return times(count, line).join('');
    };
    return (context) => encryptEnv(ports)(context, principal, file(content()));
  },
  expand: (names: readonly string[]): Work => {
    const content = names.map((name, index) => `X${index}=secret(${name})\n`).join('');
    return (context) => expandEnv(ports)(context, principal, file(content));
  },
});

const growVersions = async (vault: Vault): Promise<readonly Point[]> => {
  const points: Point[] = [];
  const principal = someone();
  const of = operationsOf(vault, principal);
  for (const size of sizes.versions) {
    const [name, from] = [newName(), Date.now() - size * 1_000];
    await createFill(vault, principal).versions(name, size, usualValue, from);
    const it = () => name;
    const sizing = { axis: 'versions', size } as const;
    const instant = () => ({ at: from + below(size) * 1_000 });
    const readers = {
      'get latest': of.get(it),
      'get version': of.get(it, () => ({ version: 1 + below(size) })),
      'get at an instant': of.get(it, instant),
      'page of 50 versions': of.versions(name),
    };
    points.push(...(await takeAll(sizing, readers)));
    // Updates come last, because they add versions.
    points.push(...(await takeAll(sizing, { update: of.update(it) })));
  }
  return points;
};

const growSecrets = async (vault: Vault): Promise<readonly Point[]> => {
  const points: Point[] = [];
  const principal = someone();
  const of = operationsOf(vault, principal);
  const names: string[] = [];
  for (const size of sizes.secrets) {
    const more = times(size - names.length, newName);
    await createFill(vault, principal).secrets(more, usualValue);
    names.push(...more);
    const any = () => names[below(names.length)] ?? '';
    const sizing = { axis: 'secrets', size } as const;
    const works = { get: of.get(any), update: of.update(any), 'page of 100 names': of.list() };
    points.push(...(await takeAll(sizing, works)));
    // Creates come last, because they add secrets.
    points.push(...(await takeAll(sizing, { create: of.create() })));
  }
  return points;
};

const growValue = async (vault: Vault): Promise<readonly Point[]> => {
  const points: Point[] = [];
  const principal = someone();
  const of = operationsOf(vault, principal);
  for (const size of sizes.value) {
    const [name, value] = [newName(), bytes('x'.repeat(size))];
    await createFill(vault, principal).secrets([name], value);
    const it = () => name;
    const works = { create: of.create(value), update: of.update(it, value), get: of.get(it) };
    points.push(...(await takeAll({ axis: 'value', size }, works)));
  }
  return points;
};

const growNames = async (vault: Vault): Promise<readonly Point[]> => {
  const points: Point[] = [];
  const principal = someone();
  const of = operationsOf(vault, principal);
  for (const size of sizes.names) {
    const names = times(size, newName);
    await createFill(vault, principal).secrets(names, usualValue);
    const works = { 'new names': of.encrypt(size), 'known names': of.expand(names) };
    points.push(...(await takeAll({ axis: 'names', size, forMs: 300 }, works)));
  }
  return points;
};

/**
 * Measures writers that do not know each other, like functions on AWS, and writers in one process, which update one at
 * a time.
 */
const growWriters = async (vault: Vault): Promise<readonly Point[]> => {
  const points: Point[] = [];
  const principal = someone();
  for (const size of sizes.writers) {
    const name = newName();
    await createFill(vault, principal).secrets([name], usualValue);
    const writer = () => operationsOf(vault, principal).update(() => name);
    const [together, each] = [writer(), times(size, writer)];
    const alone: Work = (context, client) => (each[client] ?? together)(context, client);
    const sizing = { axis: 'writers', size, clients: size, forMs: writersForMs } as const;
    points.push(...(await takeAll(sizing, { 'each for itself': alone, 'in turn': together })));
  }
  return points;
};

export const grow: Readonly<
  Record<Exclude<Axis, 'clients'>, (vault: Vault) => Promise<readonly Point[]>>
> = {
  versions: growVersions,
  secrets: growSecrets,
  value: growValue,
  names: growNames,
  writers: growWriters,
};

/**
 * Runs a whole vault once in a simulated world. Several nodes, whose clocks differ and jump, share
 * one hostile store and one hostile KMS. Several clients send them requests while nodes die. The
 * seed decides everything.
 */
import type { Principal } from '../../../functions/model/types.ts';
import { listVersions } from '../../../functions/vault/list-versions.ts';
import type { Ports } from '../../../functions/vault/request.ts';
import { shownBy } from '../../cluster/chaos/history.ts';
import { startAdversary } from '../adversary/adversary.ts';
import { atRate } from '../adversary/hostility.ts';
import { portsOver } from '../adversary/ports.ts';
import { intBelow, oneOf, type Random, seeded } from '../adversary/random.ts';
import { watchCalls } from '../adversary/watch.ts';
import type { Exchange } from '../adversary/wire.ts';
import { createMemoryStore } from '../memory-dynamodb.ts';
import { createMemoryKms } from '../memory-kms.ts';
import { requestContext, someone } from '../requests.ts';
import { drawRequest, type Request, seenAs, toldOf } from './clients.ts';
import { type Entry, type FinalState, type Stored, type Told, writeIdOf } from './history.ts';
import { createWorld, type World } from './world.ts';

export type Run = {
  readonly history: readonly Entry[];
  readonly final: FinalState;
  /** One sentence for each rule that a call of the vault broke. */
  readonly violations: readonly string[];
  readonly faults: number;
  readonly deaths: number;
};

const nodesMax = 3;
const requestsOfAClient = 7;
/**
 * Returns the names of the secrets in this simulation. They contain the seed, so that one history
 * can hold several worlds.
 */
const namesOf = (seed: number) => [`A_${seed}`, `B_${seed}`, `C_${seed}`] as const;

type Node = {
  readonly ports: () => Ports;
  readonly skew: () => number;
  /** Resolves when the process dies that serves this node now. */
  readonly death: () => Promise<void>;
};

/**
 * Starts a node that uses these services. Its calls take time, and its process may die and restart.
 */
const startNode = (world: World, random: Random, services: Exchange, keyArn: string): Node => {
  const life = () => {
    const { promise: death, resolve: die } = Promise.withResolvers<void>();
    let isDead = false;
    const exchange: Exchange = async (call, signal) => {
      // Half of the transactions that write are slow, so that other requests read and write before
      // them.
      const isSlow = call.operation === 'TransactWriteItems' && random() < 0.5;
      await world.pause(random() * (isSlow ? 1_000 : 5), signal);
      if (isDead) return await new Promise<never>(() => {});
      const reply = await services(call, signal);
      await world.pause(random() * 5, signal);
      return isDead ? await new Promise<never>(() => {}) : reply;
    };
    const kill = () => {
      isDead = true;
      die();
    };
    return { ports: portsOver(exchange, keyArn), death, kill };
  };
  let present = life();
  let skew = intBelow(random, 300_000);
  const trouble = async (): Promise<void> => {
    for (let time = 0; time < 3; time += 1) {
      await world.pause(random() * 4_000);
      if (random() < 0.4) {
        present.kill();
        present = life();
      } else {
        skew += oneOf(random, [-1, 1]) * intBelow(random, 60_000);
      }
    }
  };
  void trouble();
  return { ports: () => present.ports, skew: () => skew, death: () => present.death };
};

/** What a caller learns when the process that serves it dies. */
const died: Told = { outcome: 'unknown' };

/**
 * Sends a request. If it has a key, repeats it on randomly chosen nodes until its outcome is known,
 * at most four times in all.
 */
const ask = async (
  world: World,
  random: Random,
  nodes: readonly [Node, ...Node[]],
  principal: Principal,
  { asked, isTimeless = false, key, send }: Request,
  record: (attempt: Omit<Entry, 'request'>) => void,
): Promise<void> => {
  for (let time = 0; time < 4; time += 1) {
    const node = oneOf(random, nodes);
    const began = world.next();
    const context = requestContext({ clock: world.clock(node.skew), writeId: writeIdOf(began) });
    const reply = send(node.ports(), context, principal).catch((error) => toldOf(asked, error));
    const told = await Promise.race([reply, node.death().then(() => died)]);
    record({ asked, isTimeless, began, ended: world.next(), told });
    const isOpen = told.outcome === 'unknown' || told.outcome === 'nothing';
    if (!isOpen || key === undefined) return;
    await world.pause(random() * 1_000);
  }
};
const finalState = async (
  ports: Ports,
  principal: Principal,
  names: readonly string[],
): Promise<FinalState> => {
  const final = new Map<string, readonly Stored[]>();
  for (const name of names) {
    const request = {
      name,
      order: 'asc',
      limit: 100,
      after: undefined,
      includeValues: true,
    } as const;
    const { versions } = await listVersions(ports)(requestContext(), principal, request).catch(
      () => ({ versions: [] }),
    );
    const stored = versions.map((listed) => {
      const { writeId, validFrom, validTo } = listed.stored;
      return { ...seenAs(listed), writeId, validFrom, validTo };
    });
    final.set(name, stored);
  }
  return final;
};

export const simulate = async (seed: number): Promise<Run> => {
  const random = seeded(seed);
  const world = createWorld(random);
  const [store, kms] = [createMemoryStore(), createMemoryKms()];
  const parts = { pause: world.pause, random };
  /** The number of the event at which the store applied each write, by the id of the write. */
  const applied = new Map<string, number>();
  const applying: Exchange = (call) => {
    const reply = store.exchange(call);
    for (const { writeId } of store.items()) {
      if (writeId?.S && !applied.has(writeId.S)) applied.set(writeId.S, world.next());
    }
    return reply;
  };
  const hostile = startAdversary(applying, {
    ...parts,
    choose: atRate(random, random() * 0.4),
    watch: watchCalls(),
  });
  const hostileKms = startAdversary(kms.exchange, {
    ...parts,
    choose: atRate(random, random() * 0.1),
    watch: watchCalls(),
  });
  const services: Exchange = (call, signal) =>
    (call.service === 'kms' ? hostileKms : hostile).exchange(call, signal);
  const node = () => startNode(world, random, services, kms.keyArn);
  const nodes = [node(), ...Array.from({ length: intBelow(random, nodesMax) }, node)] as const;
  const principal = someone({ tenant: 'acme' });
  const names = namesOf(seed);
  const history: Entry[] = [];
  let deaths = 0;
  const client = async (index: number): Promise<void> => {
    for (let number = 0; number < requestsOfAClient; number += 1) {
      const unique = `value-${index}-${number}-of-${seed}`;
      const shown = history.flatMap(({ isTimeless, asked, told }) =>
        isTimeless ? [] : shownBy(asked, told),
      );
      const request = drawRequest(random, names, unique, shown);
      await ask(world, random, nodes, principal, request, (attempt) => {
        if (attempt.told === died) deaths += 1;
        history.push({ request: unique, ...attempt });
      });
      await world.pause(random() * 200);
    }
  };
  await world.run(Array.from({ length: 3 + intBelow(random, 4) }, (_, index) => client(index)));
  // Calls that were sent may arrive much later. After this pause none is in progress any more.
  await world.run([world.pause(20_000)]);
  const quiet: Exchange = (call) => (call.service === 'kms' ? kms : store).exchange(call);
  return {
    history: history.map((entry) => ({ ...entry, applied: applied.get(writeIdOf(entry.began)) })),
    final: await finalState(portsOver(quiet, kms.keyArn), principal, names),
    violations: [...hostile.violations, ...hostileKms.violations],
    faults: hostile.met.filter(({ fate }) => fate.kind !== 'passed' && fate.kind !== 'stale')
      .length,
    deaths,
  };
};

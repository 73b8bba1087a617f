/**
 * One run of a whole vault in a simulated world: several nodes with different and jumping clocks over one hostile store
 * and one hostile KMS, asked by several clients while nodes die. The seed decides everything.
 */
import type { Principal, VersionRef } from '../../../functions/model/types.ts';
import { listVersions } from '../../../functions/vault/list-versions.ts';
import type { Ports } from '../../../functions/vault/request.ts';
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
import { type Answer, type Entry, type FinalState, type Stored, writeIdOf } from './history.ts';
import { isRecorded } from './recorded.ts';
import { createWorld, type World } from './world.ts';

export type Run = {
  readonly history: readonly Entry[];
  readonly final: FinalState;
  /** The rules that the vault broke. */
  readonly violations: readonly string[];
  readonly faults: number;
  readonly deaths: number;
};

const nodesMax = 3;
const requestsOfAClient = 7;
const names = ['A', 'B', 'C'] as const;

type Node = {
  readonly ports: () => Ports;
  readonly skew: () => number;
  /** Resolves when the serving process dies. */
  readonly death: () => Promise<void>;
};

/** A process over the services. Its calls take time, and it may die and restart. */
const startNode = (world: World, random: Random, services: Exchange, keyArn: string): Node => {
  const life = () => {
    const { promise: death, resolve: die } = Promise.withResolvers<void>();
    let isDead = false;
    const exchange: Exchange = async (call, signal) => {
      // Others read and write before a slow write.
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

/** Repeats a request with a key on one node after another until its outcome is known. */
const ask = async (
  world: World,
  random: Random,
  nodes: readonly [Node, ...Node[]],
  principal: Principal,
  request: Request,
  record: (entry: Entry) => void,
): Promise<void> => {
  const { key, send, ...asked } = request;
  for (let time = 0; time < 4; time += 1) {
    const node = oneOf(random, nodes);
    const began = world.next();
    const context = requestContext({ clock: world.clock(node.skew), writeId: writeIdOf(began) });
    const died = node.death().then((): Answer => ({ kind: 'died' }));
    const told = await Promise.race([send(node.ports(), context, principal).catch(toldOf), died]);
    record({ ...asked, began, ended: world.next(), told });
    const isUnknown = told.kind === 'died' || (told.kind === 'refused' && repeated.has(told.code));
    if (!isUnknown || key === undefined) return;
    await world.pause(random() * 1_000);
  }
};
const repeated = new Set([
  'outcome_unknown',
  'store_unavailable',
  'throttled',
  'master_key_unavailable',
]);

const finalState = async (ports: Ports, principal: Principal): Promise<FinalState> => {
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
      const { version, state, value } = seenAs(listed);
      const { writeId, validFrom, validTo } = listed.stored;
      return { version, state, value, writeId, validFrom, validTo };
    });
    final.set(name, stored);
  }
  return final;
};

/** The versions whose values the replies of recorded operations have shown. */
const shownBy = (history: readonly Entry[]): readonly VersionRef[] =>
  history.flatMap(({ operation, told }) => {
    if (told.kind !== 'answered' || !isRecorded(operation) || operation === 'delete-secret') {
      return [];
    }
    return [
      ...told.written,
      ...told.seen.filter(({ value, state }) => value !== undefined && !state),
    ];
  });

export const simulate = async (seed: number): Promise<Run> => {
  const random = seeded(seed);
  const world = createWorld(random);
  const [store, kms] = [createMemoryStore(), createMemoryKms()];
  const parts = { pause: world.pause, random };
  /** The event at which the store applied the write with this id. */
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
  const history: Entry[] = [];
  let deaths = 0;
  const client = async (index: number): Promise<void> => {
    for (let number = 0; number < requestsOfAClient; number += 1) {
      const unique = `value-${index}-${number}-of-${seed}`;
      const request = drawRequest(random, names, unique, shownBy(history));
      await ask(world, random, nodes, principal, request, (entry) => {
        if (entry.told.kind === 'died') deaths += 1;
        history.push(entry);
      });
      await world.pause(random() * 200);
    }
  };
  await world.run(Array.from({ length: 3 + intBelow(random, 4) }, (_, index) => client(index)));
  // Calls that were sent may arrive long after; then nothing is in progress any more.
  await world.run([world.pause(20_000)]);
  const quiet: Exchange = (call) => (call.service === 'kms' ? kms : store).exchange(call);
  return {
    history: history.map((entry) => ({ ...entry, applied: applied.get(writeIdOf(entry.began)) })),
    final: await finalState(portsOver(quiet, kms.keyArn), principal),
    violations: [...hostile.violations, ...hostileKms.violations],
    faults: hostile.met.filter(({ fate }) => fate.kind !== 'passed' && fate.kind !== 'stale')
      .length,
    deaths,
  };
};

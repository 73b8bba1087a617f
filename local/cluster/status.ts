/** What the nodes of a cluster say of themselves, side by side. */
import { type ClientRequest, request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import * as v from 'valibot';
import type { TlsFiles } from './cluster-file.ts';
import { mutualTls } from './mutual-tls.ts';

/** What a node answers at `GET /status` of its peer port; it may say more. */
const answer = v.object({
  leader: v.boolean(),
  appliedRevision: v.number(),
  lag: v.number(),
  digest: v.string(),
  state: v.string(),
  reason: v.optional(v.nullable(v.string())),
});
type Answer = v.InferOutput<typeof answer>;

type NodeStatus = {
  readonly node: number;
  /** Whether it answered. */
  readonly alive: boolean;
  readonly leader: boolean;
  /** `null`, as the next two, where it did not answer. */
  readonly appliedRevision: number | null;
  /** Revisions behind the furthest that any node knows of. */
  readonly lag: number | null;
  readonly digest: string | null;
  /** Its own word; of one that did not answer, why. */
  readonly state: string;
  /** Whether it is cut off from the other nodes. */
  readonly isolated: boolean;
  readonly reason: string | null;
};

export type ClusterStatus = {
  readonly nodes: readonly NodeStatus[];
  /** False as soon as two nodes have another digest at an equal revision, or one says that its own differs. */
  readonly equal: boolean;
};

/** What is known of a node from outside. */
export type Observed = {
  readonly node: number;
  readonly isolated: boolean;
  /** What its process is doing, for a node that does not answer: `killed`. */
  readonly process: string;
  readonly answer: Answer | undefined;
};

const answerBytesMax = 65_536;

/** Asks the node that listens on this port; `undefined` if it does not answer in time and in form. */
export const askNode = (
  peerPort: number,
  secret: string,
  host: string,
  timeLimitMs = 1_000,
): Promise<Answer | undefined> =>
  answerTo(
    request({
      host,
      port: peerPort,
      path: '/status',
      agent: false,
      headers: { Authorization: `Bearer ${secret}` },
      signal: AbortSignal.timeout(timeLimitMs),
    }),
  );

/**
 * Asks the node that listens at `host`, an address of this machine, on this port. Returns `undefined` if the node does
 * not answer in time and in form.
 */
export const askStatus = (
  host: string,
  peerPort: number,
  tls: TlsFiles,
  timeLimitMs = 1_000,
): Promise<Answer | undefined> =>
  answerTo(
    requestSecurely({
      ...mutualTls(tls),
      host,
      port: peerPort,
      // The certificate names the nodes as they reach each other, and localhost.
      servername: 'localhost',
      path: '/status',
      agent: false,
      signal: AbortSignal.timeout(timeLimitMs),
    }),
  );

const answerTo = (asked: ClientRequest): Promise<Answer | undefined> =>
  new Promise((resolve) => {
    asked.once('error', () => resolve(undefined));
    asked.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length <= answerBytesMax) return;
        resolve(undefined);
        response.destroy();
      });
      response.once('close', () => resolve(parseAnswer(text)));
    });
    asked.end();
  });

/** What a node answered, as text; `undefined` if it is nothing of the kind. */
export const parseAnswer = (text: string): Answer | undefined => {
  try {
    return v.parse(answer, JSON.parse(text));
  } catch {
    return undefined;
  }
};

const isEqual = (answers: readonly Answer[]): boolean =>
  answers.every(
    (one) =>
      one.state !== 'diverged' &&
      answers.every(
        (other) => other.appliedRevision !== one.appliedRevision || other.digest === one.digest,
      ),
  );

/** Puts the answers of the nodes, asked at one time, side by side. */
export const compareNodes = (observed: readonly Observed[]): ClusterStatus => {
  const answers = observed.map((one) => one.answer).filter((one) => one !== undefined);
  const furthest = Math.max(...answers.map((one) => one.appliedRevision + one.lag));
  return {
    nodes: observed.map(({ node, isolated, process, answer: said }) => ({
      node,
      alive: said !== undefined,
      leader: said?.leader ?? false,
      appliedRevision: said?.appliedRevision ?? null,
      lag: said ? furthest - said.appliedRevision : null,
      digest: said?.digest ?? null,
      state: said?.state ?? (process === 'running' ? 'silent' : process),
      isolated,
      reason: said?.reason ?? null,
    })),
    equal: isEqual(answers),
  };
};

/** The status as a person reads it. */
export const tableOf = ({ nodes, equal }: ClusterStatus): string => {
  const rows = [
    ['node', 'alive', 'state', 'peers', 'leader', 'applied', 'lag', 'digest'],
    ...nodes.map((one) => [
      String(one.node),
      one.alive ? 'yes' : 'no',
      one.state,
      one.isolated ? 'cut off' : 'connected',
      one.leader ? 'yes' : 'no',
      String(one.appliedRevision ?? '-'),
      String(one.lag ?? '-'),
      one.digest?.slice(0, 12) ?? '-',
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const reasons = nodes.flatMap(({ node, reason }) => (reason ? [`node ${node}: ${reason}`] : []));
  const verdict = equal
    ? 'the digests at equal revisions are equal'
    : 'THE DIGESTS AT AN EQUAL REVISION DIFFER: see docs/runbook.md';
  return [...lines, ...reasons, verdict].join('\n');
};

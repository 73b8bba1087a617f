/** What a node says of itself to the other nodes and to whoever looks. */
import * as v from 'valibot';

const heard = v.object({ start: v.number(), appliedRevision: v.number() });

const nodeReport = v.object({
  node: v.number(),
  alive: v.boolean(),
  /** `waiting`: for others, to tell whether it may begin. `joining`: its place in the log is made anew. */
  state: v.picklist(['waiting', 'joining', 'catching-up', 'serving', 'no-majority', 'diverged']),
  /** In a sentence, if it does not serve. */
  reason: v.nullable(v.string()),
  /** Whether its member leads the log. */
  leader: v.boolean(),
  appliedRevision: v.number(),
  /** Revisions that the node knows to be in the log and has not applied. */
  lag: v.number(),
  /** The rolling digest at `appliedRevision`. */
  digest: v.string(),
  /** The digest of all items, as they were at a revision at which the node was at rest. */
  content: v.nullable(v.object({ revision: v.number(), digest: v.string() })),
  start: v.number(),
  /** The store's program and version: all nodes must have the same. */
  store: v.string(),
  /** Whether it differs from a majority, and knows that it is wrong. */
  conceded: v.optional(v.boolean(), false),
  /** Whether it has been in the log, so that no new one may be begun. */
  member: v.boolean(),
  /** What it remembers of the others, by node. */
  heard: v.record(v.string(), heard),
});
export type NodeReport = v.InferOutput<typeof nodeReport>;

/** The first of the nodes that serve: it does what one node does for all. */
export const firstServing = (reports: readonly NodeReport[]): number | undefined => {
  const serving = reports.filter(({ alive, state }) => alive && state === 'serving');
  return serving.map(({ node }) => node).sort()[0];
};

/** What is shown of the reports of all nodes to whoever looks, by node. */
export const shownOf = (reports: readonly NodeReport[]) =>
  reports
    .map(({ heard: _, member: __, conceded: ___, ...shown }) => shown)
    .sort((a, b) => a.node - b.node);

/** What one node answers another's report: its own, and whether the digest that it was told is also its own there. */
const answer = v.object({ report: nodeReport, equal: v.nullable(v.boolean()) });
export type Answer = v.InferOutput<typeof answer>;

/** Throws if the text is no report. */
export const parseReport = (text: string): NodeReport => v.parse(nodeReport, JSON.parse(text));
export const parseAnswer = (text: string): Answer => v.parse(answer, JSON.parse(text));

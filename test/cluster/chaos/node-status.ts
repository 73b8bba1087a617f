/** The status of a node, as a client with the scope `vault:status` sees it. */

/** The node's own part of `GET /v1/status`. */
export type NodeStatus = {
  readonly node: number;
  readonly state: string;
  readonly reason: string | null;
  readonly leader: boolean;
  readonly appliedRevision: number;
  /** The last hash of its keys and values that the node computed. */
  readonly digest: {
    readonly revision: number;
    readonly compactRevision: number;
    readonly hash: string;
  } | null;
};

/** `undefined` if the node does not answer. */
export const askStatus = async (
  url: string,
  token: string,
  node: number,
): Promise<NodeStatus | undefined> => {
  try {
    const reply = await fetch(`${url}/v1/status`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    const body = (await reply.json()) as { node?: { nodes?: readonly NodeStatus[] } };
    return body.node?.nodes?.find((one) => one.node === node);
  } catch {
    return undefined;
  }
};

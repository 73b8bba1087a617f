/** A stream of writes from several clients over all nodes, which remembers the acknowledged ones. */
import { type Client, create, get, update } from './client.ts';
import { becomesTrue, countTo } from './nodes.ts';

export type Stream = {
  /** The number of writes that were acknowledged so far. */
  readonly acknowledged: () => number;
  /** The longest time between two acknowledgements since `reset`. */
  readonly longestPauseMs: () => number;
  readonly reset: () => void;
  /** Whether this many more writes are acknowledged within the limit. */
  readonly flows: (more: number, limitMs: number) => Promise<boolean>;
  /** Ends the stream; returns the number of writes whose outcome never became known. */
  readonly end: () => Promise<number>;
  /**
   * The number of secrets that, read on this node, are older than their last acknowledged version or hold a
   * value that was never written.
   */
  readonly lostOn: (node: number) => Promise<number>;
  readonly secrets: () => number;
};

const writers = 9;
const readers = 9;
const updatesPerSecret = 4;

const valueAt = (name: string, version: number): string => `${name} version ${version}`;

/**
 * Starts to write. Each secret has one writer, so a read must return the version that was acknowledged last.
 */
export const startStream = (client: Client): Stream => {
  const known = new Map<string, number>();
  let [isEnding, acknowledged, unclear, pauseMs, lastAt] = [false, 0, 0, 0, performance.now()];

  const makeOne = async (writer: number, name: string, version: number): Promise<void> => {
    const value = valueAt(name, version);
    const request = version === 1 ? create(name, value) : update(name, value, version - 1);
    const reply = await client.write(((writer + version) % 3) + 1, request);
    if (reply.body.version !== version) {
      unclear += 1;
      return;
    }
    const now = performance.now();
    [pauseMs, lastAt] = [Math.max(pauseMs, now - lastAt), now];
    acknowledged += 1;
    known.set(name, version);
  };
  const work = async (writer: number): Promise<void> => {
    for (let secret = 1; !isEnding; secret += 1) {
      for (const version of countTo(1 + updatesPerSecret)) {
        if (isEnding) return;
        await makeOne(writer, `STREAM_${writer}_${secret}`, version);
      }
    }
  };
  const working = Promise.all(countTo(writers).map(work));

  return {
    acknowledged: () => acknowledged,
    longestPauseMs: () => pauseMs,
    reset: () => {
      [pauseMs, lastAt] = [0, performance.now()];
    },
    flows: (more, limitMs) => {
      const goal = acknowledged + more;
      return becomesTrue(limitMs, () => acknowledged >= goal);
    },
    end: async () => {
      isEnding = true;
      await working;
      return unclear;
    },
    lostOn: async (node) => {
      const unread = [...known];
      let lost = 0;
      const read = async (): Promise<void> => {
        for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
          const [name, version] = next;
          const { body } = await client.read(node, get(name));
          const { version: seen = 0, value } = body;
          // While the stream runs, a read may return a version whose acknowledgement its writer has not seen
          // yet.
          const isLatest = isEnding ? seen === version : seen >= version;
          if (!isLatest || value !== valueAt(name, seen)) lost += 1;
        }
      };
      await Promise.all(countTo(readers).map(read));
      return lost;
    },
    secrets: () => known.size,
  };
};

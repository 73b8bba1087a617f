/** A stream of writes from several clients to all nodes, which remembers the acknowledged ones. */
import { type Client, create, get, update } from './client.ts';
import { becomesTrue, countTo } from './nodes.ts';

const writers = 9;
const readers = 9;
const versionsEach = 5;

const valueAt = (name: string, version: number): string => `${name} version ${version}`;

export type Stream = ReturnType<typeof startStream>;

/**
 * Starts to write. Each secret has one writer, so a read must return the version that was
 * acknowledged last.
 */
export const startStream = (client: Client) => {
  const latest = new Map<string, number>();
  let [isEnding, acknowledged, unclear, pauseMs, lastAt] = [false, 0, 0, 0, performance.now()];

  const writeOne = async (writer: number, name: string, version: number): Promise<void> => {
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
    latest.set(name, version);
  };
  const work = async (writer: number): Promise<void> => {
    for (let secret = 1; !isEnding; secret += 1) {
      for (const version of countTo(versionsEach)) {
        if (isEnding) return;
        await writeOne(writer, `STREAM_${writer}_${secret}`, version);
      }
    }
  };
  const working = Promise.all(countTo(writers).map(work));
  const isLost = async (node: number, name: string, version: number): Promise<boolean> => {
    const { body } = await client.read(node, get(name));
    return body.version !== version || body.value !== valueAt(name, version);
  };

  return {
    acknowledged: () => acknowledged,
    secrets: () => latest.size,
    /** The longest time between two acknowledgements since `reset`. */
    longestPauseMs: () => pauseMs,
    reset: () => {
      [pauseMs, lastAt] = [0, performance.now()];
    },
    /** Whether this many more writes are acknowledged within the limit. */
    flows: (more: number, limitMs: number) => {
      const goal = acknowledged + more;
      return becomesTrue(limitMs, () => acknowledged >= goal);
    },
    /** Ends the stream. Returns the number of writes that were not acknowledged. */
    end: async () => {
      isEnding = true;
      await working;
      return unclear;
    },
    /**
     * Call it after the end. Returns how many secrets, read on this node, lack their last
     * acknowledged version and its value.
     */
    lostOn: async (node: number) => {
      const unread = [...latest];
      let lost = 0;
      const read = async (): Promise<void> => {
        for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
          if (await isLost(node, ...next)) lost += 1;
        }
      };
      await Promise.all(countTo(readers).map(read));
      return lost;
    },
  };
};

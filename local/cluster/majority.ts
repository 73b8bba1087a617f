/**
 * Waits for the programs of the nodes, by number: each promise settles with whether its program serves, or
 * has ended before it did. Waits `patienceMs` for all of them, and then only until a majority serves, however
 * long that takes: nodes with much data load it for minutes. Returns the numbers of the nodes that serve,
 * which are no majority if so many have ended that there can be none. `onSlow` is called once if there is no
 * majority after `patienceMs`.
 */
export const untilMajority = (
  nodes: ReadonlyMap<number, Promise<boolean>>,
  patienceMs: number,
  onSlow: () => void,
): Promise<readonly number[]> =>
  new Promise((resolve) => {
    const serving: number[] = [];
    let ended = 0;
    let isLate = false;
    const isMajority = () => serving.length * 2 > nodes.size;
    const settle = (): void => {
      const isLost = ended * 2 >= nodes.size;
      const isAll = serving.length + ended === nodes.size;
      if (!isLost && !isAll && !(isLate && isMajority())) return;
      clearTimeout(timer);
      resolve(serving.sort());
    };
    const timer = setTimeout(() => {
      isLate = true;
      if (!isMajority()) onSlow();
      settle();
    }, patienceMs);
    for (const [node, serves] of nodes) {
      void serves.then((isServing) => {
        if (isServing) serving.push(node);
        else ended += 1;
        settle();
      });
    }
  });

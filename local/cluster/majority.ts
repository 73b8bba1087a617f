/**
 * Waits until the program of every node serves (true) or has ended (false), for `patienceMs` at
 * most; after that until a majority serves, however long that takes, because nodes with much data
 * load it for minutes. Returns the numbers of the nodes that serve: less than a majority if too
 * many have ended. `onSlow` is called once if there is no majority after `patienceMs`.
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

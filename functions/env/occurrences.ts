/**
 * Finds many texts at once in another text, in linear time (Aho and Corasick, 1975). The caller chooses the texts and
 * the file, and could make a separate search for each text take hours.
 */

/** A running search. Texts that are fed to it one after another are searched as one text. */
export type Search = {
  /** Calls `found` for every offset at which a text ends, with the length of the longest such text. */
  readonly feed: (text: string, found: (end: number, length: number) => void) => void;
  /** The number of last fed code units that may be the beginning of a text, or are a whole text. */
  readonly open: () => number;
  /** Forgets the fed texts. */
  readonly restart: () => void;
};

/** Starts a search. None of `texts` may be empty. */
export const searchFor = (texts: readonly string[]): Search => {
  const tree = growTree(texts);
  linkFallbacks(tree);
  const { longest, depth } = tree;
  let node = root;
  return {
    feed: (text, found) => {
      for (let at = 0; at < text.length; at++) {
        node = step(tree, node, text.charCodeAt(at));
        const length = longest[node] ?? 0;
        if (length > 0) found(at + 1, length);
      }
    },
    open: () => depth[node] ?? 0,
    restart: () => {
      node = root;
    },
  };
};

/** A tree of the prefixes of all texts. A node is a number and stands for one prefix. */
type Tree = {
  nodes: number;
  /** The last code unit of the node's prefix. */
  readonly unit: Uint16Array;
  /** The first child of a node, or the root. */
  readonly child: Int32Array;
  /**
   * The index in `forks` of a node with several children, or 0. Each text adds at most one fork, so there are few forks
   * and most nodes need no map.
   */
  readonly fork: Int32Array;
  /** All children of a node except the first, by their code units. `forks[0]` is unused. */
  readonly forks: Map<number, number>[];
  /** The length of the node's prefix. */
  readonly depth: Int32Array;
  /** The node of the longest proper suffix that is a prefix of some text as well. */
  readonly fallback: Int32Array;
  /** The length of the longest text that ends at the node, or 0. */
  readonly longest: Int32Array;
};

const root = 0;

const growTree = (texts: readonly string[]): Tree => {
  let size = 1;
  for (const text of texts) size += text.length;
  const numbers = () => new Int32Array(size);
  const tree: Tree = {
    nodes: 1,
    unit: new Uint16Array(size),
    child: numbers(),
    fork: numbers(),
    forks: [new Map()],
    depth: numbers(),
    fallback: numbers(),
    longest: numbers(),
  };
  for (const text of texts) {
    let node = root;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const next = childOf(tree, node, unit);
      node = next === root ? addChild(tree, node, unit) : next;
    }
    tree.longest[node] = text.length;
  }
  return tree;
};

/** The child for a code unit. The root, which is never a child, means that there is none. */
const childOf = ({ child, unit, fork, forks }: Tree, node: number, wanted: number): number => {
  const first = child[node] ?? root;
  if (first !== root && unit[first] === wanted) return first;
  const index = fork[node] ?? 0;
  return index > 0 ? (forks[index]?.get(wanted) ?? root) : root;
};

const addChild = (tree: Tree, node: number, unit: number): number => {
  const { child, fork, forks } = tree;
  const added = tree.nodes++;
  tree.unit[added] = unit;
  tree.depth[added] = (tree.depth[node] ?? 0) + 1;
  if (child[node] === root) child[node] = added;
  else if (fork[node] === 0) fork[node] = forks.push(new Map([[unit, added]])) - 1;
  else forks[fork[node] ?? 0]?.set(unit, added);
  return added;
};

/** Links the fallbacks breadth first: a fallback is nearer to the root, so it has been linked before. */
const linkFallbacks = (tree: Tree): void => {
  const { unit, child, fork, forks, fallback, longest } = tree;
  const queue = new Int32Array(tree.nodes);
  let filled = 1;
  const link = (node: number, next: number): void => {
    const back = node === root ? root : step(tree, fallback[node] ?? root, unit[next] ?? 0);
    fallback[next] = back;
    if (longest[next] === 0) longest[next] = longest[back] ?? 0;
    queue[filled++] = next;
  };
  for (let taken = 0; taken < filled; taken++) {
    const node = queue[taken] ?? root;
    const first = child[node] ?? root;
    if (first !== root) link(node, first);
    const index = fork[node] ?? 0;
    if (index > 0) for (const next of forks[index]?.values() ?? []) link(node, next);
  }
};

const step = (tree: Tree, from: number, unit: number): number => {
  let node = from;
  for (;;) {
    const next = childOf(tree, node, unit);
    if (next !== root || node === root) return next;
    node = tree.fallback[node] ?? root;
  }
};

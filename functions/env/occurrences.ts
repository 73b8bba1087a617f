/**
 * Finds many texts at once in another, in time linear in all of them whatever they hold (Aho and
 * Corasick, 1975): the texts and the file are the caller's, and a search for one after the other can
 * be made to take hours.
 */

/** A search under way: texts fed to it one after the other are searched as one. */
export type Search = {
  /** Calls `found` for every place where one of the texts, the longest there, ends. */
  readonly feed: (text: string, found: (end: number, length: number) => void) => void;
  /** How many of the last code units that were fed may be the beginning of a text, or are one. */
  readonly open: () => number;
  /** Forgets what was fed. */
  readonly restart: () => void;
};

/** `texts` hold no empty one. */
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

/** A tree of the texts' beginnings; a node is a number, its children a list through `sibling`. */
type Tree = {
  nodes: number;
  readonly unit: Uint16Array;
  readonly child: Int32Array;
  readonly sibling: Int32Array;
  /** Length of the beginning that the node stands for. */
  readonly depth: Int32Array;
  /** The node of the longest proper end that is a beginning too. */
  readonly fallback: Int32Array;
  /** Length of the longest text that ends at the node, or 0. */
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
    sibling: numbers(),
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

/** The child for a code unit; the root, which is nobody's child, if there is none. */
const childOf = ({ child, sibling, unit }: Tree, node: number, wanted: number): number => {
  let found = child[node] ?? root;
  while (found !== root && unit[found] !== wanted) found = sibling[found] ?? root;
  return found;
};

const addChild = (tree: Tree, node: number, unit: number): number => {
  const added = tree.nodes++;
  tree.unit[added] = unit;
  tree.depth[added] = (tree.depth[node] ?? 0) + 1;
  tree.sibling[added] = tree.child[node] ?? root;
  tree.child[node] = added;
  return added;
};

/** Breadth first: a fallback is nearer to the root, so it is linked already. */
const linkFallbacks = (tree: Tree): void => {
  const { unit, child, sibling, fallback, longest } = tree;
  const queue = new Int32Array(tree.nodes);
  let filled = 1;
  for (let taken = 0; taken < filled; taken++) {
    const node = queue[taken] ?? root;
    for (let next = child[node] ?? root; next !== root; next = sibling[next] ?? root) {
      const back = node === root ? root : step(tree, fallback[node] ?? root, unit[next] ?? 0);
      fallback[next] = back;
      if (longest[next] === 0) longest[next] = longest[back] ?? 0;
      queue[filled++] = next;
    }
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

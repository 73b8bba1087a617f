/** The status of the vault node in this process, if it is one. A deployed function has none. */
let status: () => unknown = () => undefined;

/** Sets the function that returns the node's status. */
export const useNodeStatus = (next: () => object): void => {
  status = next;
};

/** The current status of the node; `undefined` if there is no node. */
export const readNode = (): unknown => status();

/** The status of the vault node that runs in this process. A deployed function has no node. */
let status: () => unknown = () => undefined;

/** Sets the function that returns the node's status. */
export const useNodeStatus = (next: () => object): void => {
  status = next;
};

/** The current status of the node; `undefined` if there is no node. */
export const readNode = (): unknown => status();

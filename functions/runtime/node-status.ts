/** The status of the vault node of this process, if its home runs one; a deployed function has none. */
let status: () => unknown = () => undefined;

/** From now on `next` answers the status of the node. */
export const useNodeStatus = (next: () => object): void => {
  status = next;
};

/** The status of the node now; `undefined` if there is none. */
export const readNode = (): unknown => status();

import type { Principal } from '../../functions/model/types.ts';
import type { DataKeys, Store, Write } from '../../functions/vault/ports.ts';
import type { Ports } from '../../functions/vault/request.ts';

type Changes = {
  readonly store?: (store: Store, principal: Principal) => Partial<Store>;
  readonly dataKeys?: (dataKeys: DataKeys) => Partial<DataKeys>;
};

/**
 * Returns ports with some functions replaced. A change receives the original functions, already
 * bound to the request.
 */
export const changedPorts = (ports: Ports, { store, dataKeys }: Changes): Ports => ({
  ...ports,
  store: {
    for: (context, principal) => {
      const bound = ports.store.for(context, principal);
      return { ...bound, ...store?.(bound, principal) };
    },
  },
  dataKeys: {
    for: (context) => {
      const bound = ports.dataKeys.for(context);
      return { ...bound, ...dataKeys?.(bound) };
    },
  },
});

/**
 * Returns ports that call `before` ahead of each write, with the number of the write, counted from
 * 1. Also returns a list to which each write is added.
 */
export const beforeWrites = (
  ports: Ports,
  before: (turn: number) => Promise<unknown> | undefined = () => undefined,
): { readonly writes: readonly Write[]; readonly ports: Ports } => {
  const writes: Write[] = [];
  const store = ({ write }: Store): Partial<Store> => ({
    write: async (asked) => {
      writes.push(asked);
      await before(writes.length);
      return await write(asked);
    },
  });
  return { writes, ports: changedPorts(ports, { store }) };
};

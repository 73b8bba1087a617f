import type { Principal } from '../../functions/model/types.ts';
import type { DataKeys, Store } from '../../functions/vault/ports.ts';
import type { Ports } from '../../functions/vault/request.ts';

type Changes = {
  readonly store?: (store: Store, principal: Principal) => Partial<Store>;
  readonly dataKeys?: (dataKeys: DataKeys) => Partial<DataKeys>;
};

/** Ports that differ in some functions. A change receives the functions as they were, bound to the request. */
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

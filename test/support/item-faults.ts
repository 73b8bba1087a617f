/**
 * A hostile path to any store of items. For each call in turn, a script decides whether it is
 * refused before it is sent, takes effect and then loses its reply, or succeeds.
 */
import { type Items, type ItemsOf, NotSent } from '../../functions/store/ports.ts';

/** `before` throws instead of sending; `after` throws once the call has taken effect. */
export type Fault = { readonly before: Error } | { readonly after: Error };

/** Decides whether and how a call fails. It is called once for each call. */
export type Script = (operation: keyof Items) => Fault | undefined;

/** After this error it is unclear whether the call took effect. */
export const lost = new Error('the reply was lost');
export const throttled = new NotSent('throttled');
export const unavailable = new NotSent('unavailable');

export const hostile =
  (itemsOf: ItemsOf, script: Script): ItemsOf =>
  (context) => {
    const items = itemsOf(context);
    const behind =
      <Args extends unknown[], Result>(
        operation: keyof Items,
        call: (...args: Args) => Promise<Result>,
      ) =>
      (...args: Args): Promise<Result> =>
        // Like the call itself, time that is lost on the way to the store counts as the store's
        // time.
        context.storeTime.during(async () => {
          const fault = script(operation);
          if (fault && 'before' in fault) throw fault.before;
          const result = await call(...args);
          if (fault) throw fault.after;
          return result;
        });
    return {
      get: behind('get', items.get),
      range: behind('range', items.range),
      names: behind('names', items.names),
      write: behind('write', items.write),
      probe: behind('probe', items.probe),
    };
  };

/**
 * Returns a script that fails the calls of one operation: the first fault is for its first call,
 * and so on. Calls without a fault succeed.
 */
export const inTurn = (operation: keyof Items, faults: readonly (Fault | undefined)[]): Script => {
  const rest = [...faults];
  return (called) => (called === operation ? rest.shift() : undefined);
};

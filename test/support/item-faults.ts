/**
 * A hostile path to any store of items. The script refuses a call before it is sent, or lets it take effect and loses
 * its reply, in the order of the calls. A call that the script does not mention succeeds.
 */
import { type Items, type ItemsOf, NotSent } from '../../functions/store/ports.ts';

/** `before` throws instead of sending; `after` throws once the call has taken effect. */
export type Fault = { readonly before: Error } | { readonly after: Error };

/** Decides whether and how a call fails. Called once for each call. */
export type Script = (operation: keyof Items) => Fault | undefined;

/** The effect of the call is unclear. */
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
        // The path to the store is a part of the store's time.
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

/** Fails the calls of one operation in order: the first entry applies to its first call, and so on. */
export const inTurn = (operation: keyof Items, faults: readonly (Fault | undefined)[]): Script => {
  const rest = [...faults];
  return (called) => (called === operation ? rest.shift() : undefined);
};

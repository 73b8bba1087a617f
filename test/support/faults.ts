/**
 * A hostile connection between a client and its service. The script refuses a call before it
 * is sent, or applies it and loses its reply, in the order of the calls. A call that the script does not mention succeeds.
 */
type Client = { readonly send: (command: object, options?: object) => Promise<object> };

/** `before` throws instead of sending; `after` throws once the service has applied the call. */
type Fault = { readonly before: Error } | { readonly after: Error };

/** Decides whether and how a call fails. Called once for each call with the command's name. */
export type Script = (command: string) => Fault | undefined;

export const hostile = <Wrapped extends object>(client: Wrapped, script: Script): Wrapped => {
  const { send } = client as unknown as Client;
  const hostileSend: Client['send'] = async (command, options) => {
    const fault = script(command.constructor.name.replace(/Command$/, ''));
    if (fault && 'before' in fault) throw fault.before;
    const output = await send.call(client, command, options);
    if (fault) throw fault.after;
    return output;
  };
  return new Proxy(client, {
    get: (target, member) => (member === 'send' ? hostileSend : Reflect.get(target, member)),
  });
};

const failing = (name: string, more: object): Error =>
  Object.assign(new Error(name), { name, ...more });

export const throttled = failing('ThrottlingException', { $metadata: { httpStatusCode: 400 } });
export const conflicted = failing('TransactionConflictException', {
  $metadata: { httpStatusCode: 400 },
});
export const serverError = failing('InternalServerError', { $metadata: { httpStatusCode: 500 } });
/** A good reply that was cut off. */
export const cutOff = failing('SyntaxError', { $metadata: { httpStatusCode: 200 } });
export const timedOut = failing('TimeoutError', {});
export const connectionRefused = failing('Error', { code: 'ECONNREFUSED' });

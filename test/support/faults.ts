/**
 * A hostile connection between a client and its service. For each call in turn, a script decides
 * whether it is refused before it is sent, is applied and then loses its reply, or succeeds.
 */
type Client = { readonly send: (command: object, options?: object) => Promise<object> };

/** `before` throws instead of sending; `after` throws once the service has applied the call. */
type Fault = { readonly before: Error } | { readonly after: Error };

/**
 * Decides whether and how a call fails. It is called once for each call, with the name of the
 * command.
 */
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
/** The error of a client that got a reply with status 200, but only a part of its body. */
export const cutOff = failing('SyntaxError', { $metadata: { httpStatusCode: 200 } });
export const timedOut = failing('TimeoutError', {});
export const connectionRefused = failing('Error', { code: 'ECONNREFUSED' });

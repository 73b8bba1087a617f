/** A front that serves only while its node says so. */
import type { Front } from './front.ts';
import { unavailable } from './protocol.ts';
import { isWrite } from './requests.ts';

/**
 * Says in a sentence why requests of a kind are not served now; `undefined` if they are. Its time adds to that of the
 * front's answer. It must not reject.
 */
export type Admit = (kind: 'read' | 'write') => Promise<string | undefined>;

/** Asks `admit` before each request. A request that is not admitted is answered with 503 and has no effect. */
export const guardFront =
  (front: Front, admit: Admit): Front =>
  async (operation, body) => {
    const sentence = await admit(isWrite(operation) ? 'write' : 'read');
    return sentence === undefined ? await front(operation, body) : unavailable(sentence);
  };

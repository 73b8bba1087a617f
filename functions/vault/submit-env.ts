import type { Principal } from '../model/types.ts';
import { type FileAnswer, type FileRequest, processFile } from './env-file.ts';
import type { Ports, RequestContext } from './ports.ts';

/** Creates the secrets of `enc()` and resolves `secret()`, each in one transaction. */
export const submitEnv =
  (ports: Ports) =>
  (
    context: RequestContext,
    principal: Principal,
    request: Omit<FileRequest, 'mode' | 'at' | 'pin'>,
  ): Promise<FileAnswer> =>
    processFile(ports, context, principal, {
      ...request,
      mode: 'submit',
      at: undefined,
      pin: false,
    });

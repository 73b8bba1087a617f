import type { Principal } from '../model/types.ts';
import { type FileAnswer, type FileRequest, processFile } from './env-file.ts';
import type { Ports, RequestContext } from './ports.ts';

/** Creates what `enc()` names and leaves `secret()` alone: looks up nothing. */
export const encryptEnv =
  (ports: Ports) =>
  (
    context: RequestContext,
    principal: Principal,
    request: Omit<FileRequest, 'mode' | 'at' | 'pin'>,
  ): Promise<FileAnswer> =>
    processFile(ports, context, principal, {
      ...request,
      mode: 'encrypt',
      at: undefined,
      pin: false,
    });

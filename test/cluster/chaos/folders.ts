/** Copies of a node's folder, as a backup or a person would make them while the node does not run. */
import { cpSync, lstatSync } from 'node:fs';

/** Copies all of a folder but the socket that a killed etcd leaves behind. */
export const copyFolder = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });

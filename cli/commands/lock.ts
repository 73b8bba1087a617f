import { existsSync } from 'node:fs';
import { findPins, replaceParts } from '../../functions/env/pins.ts';
import { readPinnable, referencesIn, requireUsable } from '../files/pinned-files.ts';
import { pinTo, readFactsOfOneInstant } from '../files/version-facts.ts';
import { note, printJson, printText } from '../output/output.ts';
import { replaceUnchanged, requireReplaceable, targetOf } from '../output/private-files.ts';
import { openSession } from '../requests/vault-client.ts';
import { vaultCommand } from './command-line.ts';

export const lockCommand = () =>
  vaultCommand(
    'lock',
    'rewrite a file with each secret(NAME) pinned to its current version, without values',
    'dsvault lock',
    'dsvault lock production.env --out production.env.lock',
    'dsvault run -f .env.lock -- node server.js',
  )
    .argument('[file]', 'the file; - is stdin', '.env')
    .option(
      '--anchors',
      'pin with anchors, so that a restored vault with other versions refuses the file',
    )
    .option('--out <file>', 'the file to write; by default FILE.lock, and stdout for stdin')
    .action(async (file, { anchors, out, json, ...flags }) => {
      const session = openSession(flags);
      const output = out ?? (file === '-' ? undefined : `${file}.lock`);
      const target = output === undefined ? undefined : lockTarget(output, file);
      const pinnable = await readPinnable(file);
      const { content, lines, references } = pinnable;
      const facts = await readFactsOfOneInstant(session, references);
      requireUsable(pinnable, references, facts);
      const pins = findPins(lines, ({ name, version, anchor }) => {
        const secret = facts.get(name);
        const entry = version === undefined ? secret?.newest : secret?.pinned.get(version);
        return entry && anchor === undefined ? pinTo(entry, anchors === true) : undefined;
      });
      const locked = replaceParts(content, pins);
      const pinned = referencesIn(file, locked).references;
      if (target) replaceUnchanged(target, locked, content);
      if (json) {
        const told = pinned.map(({ name, version, anchor }) => ({ name, version, anchor }));
        return await printJson({ file, output, pins: told, content: target ? undefined : locked });
      }
      if (target === undefined) return await printText(locked);
      note(`${output} pins ${pinned.length} ${pinned.length === 1 ? 'version' : 'versions'}`);
    });

/**
 * An existing file keeps its mode and owner. A new file is private, because it may contain values.
 */
const lockTarget = (out: string, file: string) =>
  existsSync(out) ? requireReplaceable(out, file) : targetOf(file, { out });

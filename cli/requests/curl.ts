/**
 * Writes a request as a `curl` command that may be shown to others, without the token and without
 * values.
 */
import type { PreparedRequest } from '../../client/sending.ts';

/** The properties of bodies that may contain a value. */
const hidden: ReadonlySet<string> = new Set(['value', 'values', 'content']);

export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export const curlOf = ({ method, url, headers, body }: PreparedRequest): string => {
  const shown = JSON.stringify(body, (property, content) => (hidden.has(property) ? '…' : content));
  const parts = [
    `curl -X ${method}`,
    `-H "Authorization: Bearer $DSVAULT_TOKEN"`,
    ...Object.entries(headers).map(([name, text]) => `-H ${quoted(`${name}: ${text}`)}`),
    ...(body === undefined ? [] : [`-d ${quoted(shown)}`]),
    quoted(url),
  ];
  return `${parts.join(' \\\n  ')}\n`;
};

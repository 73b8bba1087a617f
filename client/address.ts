/**
 * The address of a vault, without a slash at its end. `undefined` unless the text is only `http://` or
 * `https://`, a host, and perhaps a path: errors name the address, so a password in it would be seen.
 */
export const plainAddress = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && /^https?:$/.test(url.protocol) && !/[?#]/.test(url.href) && !url.username;
  if (!isPlain || url.password !== '') return undefined;
  return url.href.replace(/\/+$/, '');
};

/**
 * The address of a vault, without a slash at its end. `undefined` unless the text is just `http://`
 * or `https://`, a host, and perhaps a path: errors show the address, so it must not contain a
 * password.
 */
export const plainAddress = (text: string): string | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && /^https?:$/.test(url.protocol) && !/[?#]/.test(url.href) && !url.username;
  if (!isPlain || url.password !== '') return undefined;
  return url.href.replace(/\/+$/, '');
};

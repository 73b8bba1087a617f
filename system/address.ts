/** Decides whether others can read what is sent to an address. */

/** Whether the host of the address is `localhost` or a loopback address. */
export const isLoopback = ({ hostname }: URL): boolean =>
  /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);

/**
 * Whether nobody else can read what is sent to the address: it is HTTPS, or belongs to this
 * machine.
 */
export const isConfidential = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));

/**
 * A script for a page of another origin. It tries to use a console, and returns what it could read.
 */

/** A request that the console would accept from its own page. `body` is an array of bytes. */
export type SealedRequest = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly number[];
};

export type Hostile = {
  /** The console's address as it appears in the page. */
  readonly url: string;
  /**
   * Sealed requests, which a page cannot make. With them, only the console's other defences are
   * tested.
   */
  readonly session: SealedRequest;
  readonly list: SealedRequest;
  readonly create: SealedRequest;
};

/** The names of the attempts that would succeed at a server whose headers allow them. */
export const readableAttempts = [
  ...['GET /', 'GET /app.js', 'POST /session', 'POST /actions/list-secrets'],
  ...['POST /actions/create-secret', 'script', 'module', 'style', 'image', 'opened window'],
];

/**
 * Makes all attempts and returns the names of the successful ones: the reply could be read, a
 * script, style or image was loaded, or the handle of an opened window still works.
 */
export const attack = (hostile: Hostile): string => `(async ({ url, ...sealed }) => {
  const granted = [];
  const attempt = async (name, work) => {
    const late = new Promise((_, reject) => setTimeout(reject, 15_000));
    try { await Promise.race([work(), late]); granted.push(name); } catch {}
  };
  const post = ({ path, headers, body }, init = { headers }) =>
    fetch(url + path, { method: 'POST', body: new Uint8Array(body), ...init });
  const read = (reply) => reply.text();
  await attempt('GET /', () => fetch(url + '/').then(read));
  await attempt('GET /app.js', () => fetch(url + '/app.js').then(read));
  await attempt('POST /session', () => post(sealed.session).then(read));
  await attempt('POST /actions/list-secrets', () => post(sealed.list).then(read));
  await attempt('POST /actions/create-secret', () => post(sealed.create).then(read));
  // These have an effect if the server allows it, although no page can read the reply.
  for (const request of [sealed.session, sealed.create]) {
    const { path } = request;
    const body = String.fromCharCode(...request.body);
    await post(request, { mode: 'no-cors', credentials: 'include' }).catch(() => undefined);
    navigator.sendBeacon(url + path, new Uint8Array(request.body));
    const frame = Object.assign(document.createElement('iframe'), { name: path });
    const form = Object.assign(document.createElement('form'), { action: url + path, method: 'post', enctype: 'text/plain', target: path });
    form.append(Object.assign(document.createElement('input'), { name: body.slice(0, -1), value: body.slice(-1) }));
    document.body.append(frame, form);
    form.submit();
    await new Promise((loaded) => { frame.onload = loaded; setTimeout(loaded, 2_000); });
  }
  const load = (tag, properties) => () => new Promise((onload, onerror) => {
    document.body.append(Object.assign(document.createElement(tag), { onload, onerror, ...properties }));
  });
  await attempt('script', load('script', { src: url + '/app.js' }));
  await attempt('module', () => import(url + '/app.js'));
  await attempt('style', load('link', { rel: 'stylesheet', href: url + '/app.css' }));
  await attempt('image', load('img', { src: url + '/icon.svg' }));
  await attempt('socket', () => new Promise((resolve, reject) => {
    Object.assign(new WebSocket(url.replace('http', 'ws') + '/'), { onopen: resolve, onerror: reject });
  }));
  await attempt('events', () => new Promise((resolve, reject) => {
    Object.assign(new EventSource(url + '/actions/list-secrets'), { onopen: resolve, onerror: reject });
  }));
  await attempt('framed document', async () => {
    const frame = Object.assign(document.createElement('iframe'), { src: url + '/', name: 'framed' });
    document.body.append(frame);
    await new Promise((loaded) => { frame.onload = loaded; });
    if (!frame.contentDocument) throw undefined;
  });
  await attempt('opened window', async () => {
    const opened = window.open(url + '/');
    for (let looks = 0; looks < 80 && !opened.closed; looks += 1) {
      await new Promise((wake) => setTimeout(wake, 50));
    }
    if (opened.closed) throw undefined;
    opened.close();
  });
  return granted;
})(${JSON.stringify(hostile)})`;

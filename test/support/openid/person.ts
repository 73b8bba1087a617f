/**
 * Does what a person with a browser does on the pages of the provider: sends forms, keeps cookies
 * and follows redirects.
 */

export type Answer = 'approve' | 'deny';

const stepsMax = 20;

const attribute = (tag: string, name: string): string =>
  new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll('&amp;', '&') ?? '';

/** Returns the first form of a page with the values that it already has. */
const formOf = (page: string) => {
  const form = /<form[^>]*>.*?<\/form>/s.exec(page)?.[0] ?? '';
  const inputs = form.match(/<input[^>]*>/g) ?? [];
  const fields = new URLSearchParams();
  for (const tag of inputs) fields.set(attribute(tag, 'name'), attribute(tag, 'value'));
  return { action: attribute(form, 'action'), fields };
};

/** Opens the address, logs in as `alice`, and approves or denies. Returns the last page. */
export const decide = async (address: string, answer: Answer): Promise<string> => {
  const cookies = new Map<string, string>();
  let [url, body]: [string, URLSearchParams | undefined] = [address, undefined];
  for (let step = 0; step < stepsMax; step += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: { cookie, accept: 'text/html' },
      redirect: 'manual',
      ...(body && { body }),
    });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const page = await response.text();
    const location = response.headers.get('location');
    const { action, fields } = formOf(page);
    if (location !== null) [url, body] = [new URL(location, url).href, undefined];
    else if (action === '' || fields.get('user_code') === '') return page;
    else {
      if (fields.has('login')) fields.set('login', 'alice');
      if (fields.has('confirm') && answer === 'deny') {
        fields.delete('confirm');
        fields.set('abort', 'yes');
      }
      [url, body] = [new URL(action, url).href, fields];
    }
  }
  throw new Error(`the provider asks more than ${stepsMax} times`);
};

/** The part of `oidc-provider` that the tests use. The package comes without types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  type Context = { readonly oidc: { readonly route: string }; readonly body: object };

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
  }
}

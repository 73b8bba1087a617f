/** What a token says of itself. It is not verified here: only the vault can do that. */
import * as v from 'valibot';

const claims = v.object({
  iss: v.optional(v.string()),
  tenant: v.optional(v.string()),
  sub: v.optional(v.string()),
  scope: v.optional(v.string()),
  names: v.optional(v.array(v.string())),
  exp: v.optional(v.number()),
});
export type Claims = v.InferOutput<typeof claims>;

/** `undefined` where it says nothing that could be read. */
export const claimsOf = (token: string): Claims | undefined => {
  const [, payload = ''] = token.split('.');
  const text = Buffer.from(payload, 'base64url').toString('utf8');
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), claims), text);
  return parsed.success ? parsed.output : undefined;
};

/** When it ends, as all times are told; `undefined` where it does not say. */
export const expiryOf = ({ exp }: Claims): string | undefined => {
  const instant = new Date((exp ?? Number.NaN) * 1_000);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
};

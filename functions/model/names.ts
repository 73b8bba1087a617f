/**
 * The rules for names, and the names that a token may see. Names are ASCII and compared as strings, never as regular
 * expressions that a caller supplies.
 */
const secretName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
const tenantName = /^[A-Za-z0-9_-]{1,64}$/;
const namePattern = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,127}|[A-Za-z_][A-Za-z0-9_.-]{0,126}\*|\*)$/;

export const isSecretName = (text: string): boolean => secretName.test(text);
export const isTenant = (text: string): boolean => tenantName.test(text);

/** A pattern is a name, the beginning of a name with `*`, or `*`. */
export const isNamePattern = (text: string): boolean => namePattern.test(text);

/** Whether `name` is visible to a token with these patterns. `undefined` makes every name visible. */
export const isNameVisible = (patterns: readonly string[] | undefined, name: string): boolean =>
  patterns === undefined ||
  patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
  );

/** The names of test writes. A tenant of their own keeps them apart from all secrets. */
export const testTenant = 'console-test';

/** The one secret that is written on a node. */
export const testSecretOf = (node: number): string => `CONSOLE_TEST_${node}`;

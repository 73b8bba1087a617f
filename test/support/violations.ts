/** Verifies a table to its end, as `npm run inspect -- --verify` does. */
import {
  findViolations,
  type VerifiedVault,
  type Violation,
} from '../../local/verify/find-violations.ts';

/** All violations in the table. */
export const violationsOf = async (vault: VerifiedVault): Promise<readonly Violation[]> => {
  const violations: Violation[] = [];
  for await (const violation of findViolations(vault)) violations.push(violation);
  return violations;
};

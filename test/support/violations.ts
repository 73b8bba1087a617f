/** Verifies a whole table, as `npm run inspect -- --verify` does. */
import {
  findViolations,
  type VerifiedVault,
  type Violation,
} from '../../host/verify/find-violations.ts';

export const violationsOf = async (vault: VerifiedVault): Promise<readonly Violation[]> => {
  const violations: Violation[] = [];
  for await (const violation of findViolations(vault)) violations.push(violation);
  return violations;
};

import type { Rule } from "./rule";
import { BUCKETS } from "./rules/buckets";
import { CONTAINERS } from "./rules/containers";
import { DATA_PROTECTION } from "./rules/data-protection";
import { ENCRYPTION } from "./rules/encryption";
import { IAM } from "./rules/iam";
import { LOCAL } from "./rules/local";
import { OPERATIONS } from "./rules/operations";
import { PUBLIC_ACCESS } from "./rules/public-access";

/** All rules of the pack. */
export const RULES: readonly Rule[] = [
  ...ENCRYPTION,
  ...PUBLIC_ACCESS,
  ...BUCKETS,
  ...CONTAINERS,
  ...IAM,
  ...OPERATIONS,
  ...DATA_PROTECTION,
  ...LOCAL,
];

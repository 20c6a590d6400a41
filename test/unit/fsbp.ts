/**
 * The controls of AWS Foundational Security Best Practices v1.0.0 in Security Hub, for nine services. Source:
 * https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html, as of September 2026, read on 2026-11-25. (AWS writes
 * AutoScaling.5 as "Autoscaling.5".) AWS adds and retires controls in most months:
 * https://docs.aws.amazon.com/securityhub/latest/userguide/doc-history.html
 */
const NUMBERS = {
  ECS: [2, 3, 4, 5, 8, 9, 10, 12, 16, 18, 19, 20, 21],
  ECR: [1, 2, 3],
  ElastiCache: [1, 2, 3, 4, 5, 6, 7],
  S3: [1, 2, 3, 5, 6, 8, 9, 12, 13, 19, 24, 25],
  ELB: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 17, 18, 21, 22],
  AutoScaling: [1, 2, 3, 5, 6, 9],
  EC2: [
    1, 2, 3, 4, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 51, 55, 56, 57, 58, 60, 170, 171, 172, 173, 180,
    181, 182, 183,
  ],
  SecretsManager: [1, 2, 3, 4],
  WAF: [1, 2, 3, 4, 6, 7, 8, 10, 12],
} as const;

/** IDs of all controls, as in `EC2.10`. */
export const FSBP: readonly string[] = Object.entries(NUMBERS).flatMap(([service, numbers]) =>
  numbers.map((number) => `${service}.${number}`),
);

/** The services, as in the IDs. */
export const SERVICES: readonly string[] = Object.keys(NUMBERS);

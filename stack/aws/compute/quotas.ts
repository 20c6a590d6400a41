/** A service quota of AWS, for one account and region. */
export interface Quota {
  /** Name in Service Quotas. */
  name: string;
  code: string;
  serviceCode: string;
  /** Singular. */
  unit: string;
}

/**
 * The quotas that limit the stack. A new account has 0 vCPUs of G and VT instances.
 * Sources: Amazon EC2 service quotas, https://docs.aws.amazon.com/general/latest/gr/ec2-service.html; AWS Fargate service quotas,
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html. The codes are those of
 * `aws service-quotas list-service-quotas --service-code ec2` (and `fargate`).
 */
export const QUOTAS = {
  onDemandGpu: { name: "Running On-Demand G and VT instances", code: "L-DB2E81BA", serviceCode: "ec2", unit: "vCPU" },
  spotGpu: { name: "All G and VT Spot Instance Requests", code: "L-3819A6DF", serviceCode: "ec2", unit: "vCPU" },
  fargate: {
    name: "Fargate On-Demand vCPU resource count",
    code: "L-3032A538",
    serviceCode: "fargate",
    unit: "vCPU",
  },
  elasticIps: { name: "EC2-VPC Elastic IPs", code: "L-0263D0A3", serviceCode: "ec2", unit: "Elastic IP" },
  gp3Storage: {
    name: "Storage for General Purpose SSD (gp3) volumes, in TiB",
    code: "L-7A658B76",
    serviceCode: "ebs",
    unit: "TiB",
  },
} as const satisfies Record<string, Quota>;

/** The quota in a sentence. */
export const quotaName = ({ name, code }: Quota): string => `the quota "${name}" (${code})`;

/** A value of the quota with its unit. */
export const quotaAmount = ({ unit }: Quota, value: number | string): string =>
  `${value} ${unit}${Number(value) === 1 ? "" : "s"}`;

/** The command that requests a higher quota. @param value - default: a placeholder */
export const quotaRequest = ({ serviceCode, code }: Quota, value: number | string = "VALUE"): string =>
  `\`aws service-quotas request-service-quota-increase --service-code ${serviceCode} --quota-code ${code} --desired-value ${value}\``;

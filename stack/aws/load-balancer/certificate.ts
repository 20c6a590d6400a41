import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Requests a certificate for a domain name and validates it with a DNS record. AWS renews it as long as the record exists.
 * @returns ARN of the certificate, after it is valid
 */
export function certificate(
  name: string,
  domainName: string,
  zoneId: string,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const requested = new aws.acm.Certificate(name, { domainName, validationMethod: "DNS" }, opts);
  // A certificate for one domain name has one validation record.
  const validation = requested.domainValidationOptions[0];
  const record = new aws.route53.Record(
    name,
    {
      zoneId,
      name: validation.resourceRecordName,
      type: validation.resourceRecordType,
      records: [validation.resourceRecordValue],
      ttl: 300,
    },
    opts,
  );
  return new aws.acm.CertificateValidation(
    name,
    { certificateArn: requested.arn, validationRecordFqdns: [record.fqdn] },
    opts,
  ).certificateArn;
}

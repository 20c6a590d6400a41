import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** A certificate for a name, validated by a record in the name's hosted zone; AWS renews it as long as the record is there. */
export function certificate(
  domain: string,
  zoneId: string,
  child: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const requested = new aws.acm.Certificate("entry", { domainName: domain, validationMethod: "DNS" }, child);
  // One name, so one record.
  const option = requested.domainValidationOptions[0];
  const record = new aws.route53.Record(
    "certificate",
    {
      zoneId,
      name: option.resourceRecordName,
      type: option.resourceRecordType,
      records: [option.resourceRecordValue],
      ttl: 300,
    },
    child,
  );
  // Its ARN is there only once the certificate is valid.
  return new aws.acm.CertificateValidation(
    "entry",
    { certificateArn: requested.arn, validationRecordFqdns: [record.fqdn] },
    child,
  ).certificateArn;
}

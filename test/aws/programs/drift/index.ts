import * as aws from "@pulumi/aws";

/** Resources that a test changes without Pulumi, in the ways in which it changes them. */
new aws.cloudwatch.LogGroup("logs", { name: "/drift/logs", retentionInDays: 30 });
const topic = new aws.sns.Topic("topic", { name: "drift" });

// As the number of tasks of a service, which scaling changes.
new aws.cloudwatch.LogGroup(
  "ignored",
  { name: "/drift/ignored", retentionInDays: 30 },
  { ignoreChanges: ["retentionInDays"] },
);

// The role that looks for drift cannot read the value of a secret.
const secret = new aws.secretsmanager.Secret("secret", { name: "drift", recoveryWindowInDays: 0 });
new aws.secretsmanager.SecretVersion("secret", { secretId: secret.id, secretString: "initial value" });

export = { topicArn: topic.arn, release: "2-b" };

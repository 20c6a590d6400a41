import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IMAGE_UID } from "../images/user";

export interface ModelsArgs {
  /** One subnet in each zone. */
  subnetIds: pulumi.Input<string>[];
  /** Guards the mount targets: NFS, port 2049, from the tasks. */
  securityGroupId: pulumi.Input<string>;
  /** Key that encrypts the files; default: AWS's own for EFS. A change makes a new, empty volume. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The volume of model weights, shared by all tasks and kept when they end: EFS with one access point, which makes every client the user
 * of the images. It has no backup (EFS has none unless it is asked for): what is lost is fetched again.
 *
 * Cost: files by the gigabyte and month, and each gigabyte that is read or written.
 */
export class Models extends pulumi.ComponentResource {
  readonly fileSystemId: pulumi.Output<string>;
  readonly fileSystemArn: pulumi.Output<string>;
  readonly accessPointId: pulumi.Output<string>;
  readonly accessPointArn: pulumi.Output<string>;
  /** What a task that mounts it must depend on. */
  readonly ready: pulumi.Resource[];

  constructor(name: string, args: ModelsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Models", name, {}, opts);
    const child = { parent: this };
    const files = new aws.efs.FileSystem(
      "models",
      {
        encrypted: true,
        kmsKeyId: args.kmsKeyArn,
        // Bursting would give a few GB hardly any throughput once its credits are spent, as by workers that start again and again. No
        // lifecycle: each start reads all of it, and reading from a colder class costs more.
        throughputMode: "elastic",
        tags: { Name: `${name}-models` },
      },
      child,
    );
    const accessPoint = new aws.efs.AccessPoint(
      "models",
      {
        fileSystemId: files.id,
        posixUser: { uid: IMAGE_UID, gid: IMAGE_UID },
        rootDirectory: {
          path: "/models",
          creationInfo: { ownerUid: IMAGE_UID, ownerGid: IMAGE_UID, permissions: "0755" },
        },
      },
      child,
    );
    const policy = new aws.efs.FileSystemPolicy(
      "models",
      { fileSystemId: files.id, policy: pulumi.jsonStringify(only(files.arn, accessPoint.arn)) },
      child,
    );
    const targets = args.subnetIds.map(
      (subnetId, zone) =>
        new aws.efs.MountTarget(
          `models-${zone}`,
          { fileSystemId: files.id, subnetId, securityGroups: [args.securityGroupId] },
          child,
        ),
    );
    this.fileSystemId = files.id;
    this.fileSystemArn = files.arn;
    this.accessPointId = accessPoint.id;
    this.accessPointArn = accessPoint.arn;
    this.ready = [...targets, policy];
    this.registerOutputs({ fileSystemId: this.fileSystemId, accessPointId: this.accessPointId });
  }
}

/** All that an NFS client can do. */
const CLIENT = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"];

/** Refuses every other way in. It allows nobody: who has no role that allows it is refused, where EFS without a policy lets in anyone. */
const only = (fileSystem: pulumi.Input<string>, accessPoint: pulumi.Input<string>) => {
  const deny = { Effect: "Deny", Principal: { AWS: "*" }, Action: CLIENT, Resource: fileSystem };
  return {
    Version: "2012-10-17",
    Statement: [
      { Sid: "TlsOnly", ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
      {
        Sid: "AccessPointOnly",
        ...deny,
        Condition: { StringNotEquals: { "elasticfilesystem:AccessPointArn": accessPoint } },
      },
      {
        Sid: "MountTargetOnly",
        ...deny,
        Condition: { Bool: { "elasticfilesystem:AccessedViaMountTarget": "false" } },
      },
    ],
  };
};

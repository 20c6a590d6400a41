import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { IMAGE_UID } from "../../images/user";

export interface ModelVolumeArgs {
  /** Name in AWS. */
  name: string;
  /** One subnet in each Availability Zone. */
  subnetIds: pulumi.Input<string>[];
  /** Security group of the mount targets. It must allow NFS, port 2049, from the tasks. */
  securityGroupId: pulumi.Input<string>;
  /** Refuses to delete or replace the file system. */
  deletionProtection: boolean;
  /** Encrypts the files. Default: the key that AWS owns for EFS. A change creates a new, empty file system. */
  kmsKeyArn?: pulumi.Input<string>;
}

/**
 * The model volume: an EFS file system with the model weights, which all tasks share. It has one access point, through which each client
 * acts as the user of the images. There is no backup: lost files are downloaded again.
 *
 * Cost: stored files by the gigabyte and month, reads and writes by the gigabyte.
 */
export class ModelVolume extends pulumi.ComponentResource {
  readonly fileSystemId: pulumi.Output<string>;
  readonly fileSystemArn: pulumi.Output<string>;
  readonly accessPointId: pulumi.Output<string>;
  readonly accessPointArn: pulumi.Output<string>;
  /** Resources that must exist before a task mounts the volume. */
  readonly dependencies: pulumi.Resource[];

  constructor(name: string, args: ModelVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:ModelVolume", name, {}, opts);
    const child = { parent: this };
    const fileSystem = new aws.efs.FileSystem(
      name,
      {
        encrypted: true,
        kmsKeyId: args.kmsKeyArn,
        // In bursting mode, a file system of a few GB has very low throughput when its credits are used, for example by workers that start
        // often. There is no lifecycle policy: each start reads all files, and reads from an infrequent access class cost more.
        throughputMode: "elastic",
        tags: { Name: `${args.name}-model-volume` },
      },
      { ...child, protect: args.deletionProtection },
    );
    const accessPoint = new aws.efs.AccessPoint(
      name,
      {
        fileSystemId: fileSystem.id,
        posixUser: { uid: IMAGE_UID, gid: IMAGE_UID },
        rootDirectory: {
          path: "/models",
          creationInfo: { ownerUid: IMAGE_UID, ownerGid: IMAGE_UID, permissions: "0755" },
        },
      },
      child,
    );
    const policy = new aws.efs.FileSystemPolicy(
      name,
      {
        fileSystemId: fileSystem.id,
        policy: pulumi.jsonStringify(accessPointPolicy(fileSystem.arn, accessPoint.arn)),
      },
      child,
    );
    const mountTargets = args.subnetIds.map(
      (subnetId, zone) =>
        new aws.efs.MountTarget(
          `${name}-${zone}`,
          { fileSystemId: fileSystem.id, subnetId, securityGroups: [args.securityGroupId] },
          child,
        ),
    );
    this.fileSystemId = fileSystem.id;
    this.fileSystemArn = fileSystem.arn;
    this.accessPointId = accessPoint.id;
    this.accessPointArn = accessPoint.arn;
    this.dependencies = [...mountTargets, policy];
    this.registerOutputs({ fileSystemId: this.fileSystemId, accessPointId: this.accessPointId });
  }
}

/** All actions of an NFS client. */
const CLIENT_ACTIONS = [
  "elasticfilesystem:ClientMount",
  "elasticfilesystem:ClientWrite",
  "elasticfilesystem:ClientRootAccess",
];

/**
 * Denies access without TLS, without the access point, or without a mount target. It allows nothing, so a client requires a role that
 * allows access. Without a file system policy, EFS would allow all clients.
 */
const accessPointPolicy = (fileSystemArn: pulumi.Input<string>, accessPointArn: pulumi.Input<string>) => {
  const deny = { Effect: "Deny", Principal: { AWS: "*" }, Action: CLIENT_ACTIONS, Resource: fileSystemArn };
  return {
    Version: "2012-10-17",
    Statement: [
      { Sid: "TlsOnly", ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
      {
        Sid: "AccessPointOnly",
        ...deny,
        Condition: { StringNotEquals: { "elasticfilesystem:AccessPointArn": accessPointArn } },
      },
      {
        Sid: "MountTargetOnly",
        ...deny,
        Condition: { Bool: { "elasticfilesystem:AccessedViaMountTarget": "false" } },
      },
    ],
  };
};

import { INSTANCE_TYPES, isInstanceType } from "../../../stack/aws/compute/instance-types";
import { instancesFor, instanceSize } from "../../../stack/config/capacity";
import { charge, type Charge } from "./charge";
import {
  input,
  listInput,
  numberInput,
  textInput,
  UnknownInput,
  type CostResource,
  type StackResources,
} from "./resource";
import { SERVICE, taskCount, taskSize, type Quantity } from "./tasks";

export const AUTO_SCALING_GROUP = "aws:autoscaling/group:Group";
const LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate";
const OVERRIDES = "mixedInstancesPolicy.launchTemplate.overrides";
const DISTRIBUTION = "mixedInstancesPolicy.instancesDistribution";

/** What a gp3 volume has without a charge: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html */
const GP3_INCLUDED = { throughput: 125, iops: 3000 } as const;

/** Metrics of an instance with detailed monitoring that are billed: https://aws.amazon.com/cloudwatch/pricing/ */
const DETAILED_METRICS = 7;

/** The GPU instances of an Auto Scaling group: as many as the tasks need that run on instances, in the limits of the group. */
export interface GpuInstances {
  /** The type with the highest priority: On-Demand Instances are of this type while AWS has capacity. */
  type: string;
  /** All types of the group. */
  types: string[];
  onDemand: Quantity;
  spot: Quantity;
}

/** @throws UnknownInput if an input is not known, or the stack has several Auto Scaling groups */
export function gpuInstances(group: CostResource, stack: StackResources): GpuInstances {
  if (stack.ofType(AUTO_SCALING_GROUP).length > 1) throw new UnknownInput("which tasks run on it");
  const types = listInput(group, OVERRIDES, 1).map((_, index) =>
    textInput(group, `${OVERRIDES}.${index}.instanceType`),
  );
  const [type] = types;
  if (!isInstanceType(type)) throw new UnknownInput(`the size of the instance type ${type}`);
  const services = stack.ofType(SERVICE).flatMap((service) => {
    const { fargate, cpu, memory } = taskSize(service, stack);
    return fargate ? [] : [{ count: taskCount(service, stack), task: { gpus: 1, cpu, memory } }];
  });
  const total = (scale: keyof Quantity): number => {
    const tasks = services.flatMap(({ count, task }) => Array.from({ length: count[scale] }, () => task));
    const needed = instancesFor(tasks, instanceSize(INSTANCE_TYPES[type]));
    return Math.min(Math.max(needed, numberInput(group, "minSize")), numberInput(group, "maxSize"));
  };
  const count = { atRest: total("atRest"), atFullScale: total("atFullScale") };
  const spot = { atRest: spotInstances(group, count.atRest), atFullScale: spotInstances(group, count.atFullScale) };
  const onDemand = { atRest: count.atRest - spot.atRest, atFullScale: count.atFullScale - spot.atFullScale };
  return { type, types, onDemand, spot };
}

/** https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstancesDistribution.html */
function spotInstances(group: CostResource, instances: number): number {
  const base = numberInput(group, `${DISTRIBUTION}.onDemandBaseCapacity`, 0);
  const percentage = numberInput(group, `${DISTRIBUTION}.onDemandPercentageAboveBaseCapacity`, 100);
  const aboveBase = Math.max(instances - base, 0);
  return aboveBase - Math.ceil((aboveBase * percentage) / 100);
}

/** The instances, their volumes, and their metrics. */
export function gpuInstanceCharges(group: CostResource, stack: StackResources): Charge[] {
  const { type, onDemand, spot } = gpuInstances(group, stack);
  const template = stack.sibling(group, LAUNCH_TEMPLATE);
  const each = (perInstance: number): Quantity => ({
    atRest: (onDemand.atRest + spot.atRest) * perInstance,
    atFullScale: (onDemand.atFullScale + spot.atFullScale) * perInstance,
  });
  const volumes = listInput(template, "blockDeviceMappings", 1).flatMap((_, index) => {
    const path = `blockDeviceMappings.${index}.ebs`;
    const volumeType = textInput(template, `${path}.volumeType`);
    if (volumeType !== "gp3") throw new UnknownInput(`the price of the volume type ${volumeType}`);
    const more = (name: keyof typeof GP3_INCLUDED) =>
      Math.max(numberInput(template, `${path}.${name}`, 0) - GP3_INCLUDED[name], 0);
    return [
      charge("gp3-storage", each(numberInput(template, `${path}.volumeSize`))),
      charge("gp3-throughput", each(more("throughput") / 1024)), // MiB/s
      charge("gp3-iops", each(more("iops"))),
    ];
  });
  return [
    charge(`instance:${type}`, onDemand, type),
    charge(`instance:${type}`, spot, `${type}, spot`),
    ...volumes,
    charge("metric", each(input(template, "monitoring.enabled") === true ? DETAILED_METRICS : 0), "GPU instances"),
  ];
}

import { version } from "@pulumi/aws/package.json";
import type { GetAvailabilityZonesResult } from "@pulumi/aws";
import type { GetInstanceTypeOfferingsResult } from "@pulumi/aws/ec2";
import { isDeepStrictEqual } from "node:util";
import { isInstanceType } from "../aws/compute/instance-types";
import type { AwsSettings } from "../config/aws-schema";
import type { Problem } from "../config/problem";
import { chooseZones, type ZoneOffer } from "../config/zones";
import { invokeFunction } from "../pulumi/internals";
import type { DeployedCapacity } from "./deployed";

/** Excludes zones that require an opt-in, such as Local Zones. */
const NO_OPT_IN_ZONES = { name: "opt-in-status", values: ["opt-in-not-required"] };

/**
 * The Availability Zones of the subnets, by their index. Asks AWS only if a subnet does not exist yet, or if the instance types changed.
 * @throws Error of the provider if it may not describe the zones or the offerings
 */
export async function availabilityZones(
  settings: AwsSettings,
  deployed: DeployedCapacity,
): Promise<{ zones: string[]; problems: Problem[] }> {
  const zones = Array.from({ length: settings.network.availabilityZones }, (_, index) => deployed.zones[index]);
  if (!settings.gpu.instanceTypes.every(isInstanceType)) return { zones: [], problems: [] }; // the rules report it
  const complete = zones.every((zone) => zone !== undefined);
  if (complete && isDeepStrictEqual(deployed.instanceTypes, settings.gpu.instanceTypes)) return { zones, problems: [] };
  const { problems, ...chosen } = chooseZones(settings, deployed.zones, await zoneOffers(settings.gpu.instanceTypes));
  return { ...chosen, problems: problems.map(({ key, ...rest }) => ({ key: `aws.${key}`, ...rest })) };
}

async function zoneOffers(instanceTypes: string[]): Promise<ZoneOffer[]> {
  const filters = [{ name: "instance-type", values: instanceTypes }];
  const [{ names }, { locations, instanceTypes: types }] = await Promise.all([
    invokeFunction(
      "aws:index/getAvailabilityZones:getAvailabilityZones",
      { state: "available", filters: [NO_OPT_IN_ZONES] },
      { version },
    ) as Promise<GetAvailabilityZonesResult>,
    invokeFunction(
      "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings",
      { locationType: "availability-zone", filters },
      { version },
    ) as Promise<GetInstanceTypeOfferingsResult>,
  ]);
  return [...new Set([...names, ...locations])].map((zone) => ({
    zone,
    instanceTypes: types.filter((_, index) => locations[index] === zone),
    available: names.includes(zone),
  }));
}

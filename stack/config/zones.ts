import type { AwsSettings } from "./aws-schema";
import type { Problem } from "./problem";

/** An Availability Zone, and which of the instance types of the settings it offers. */
export interface ZoneOffer {
  zone: string;
  instanceTypes: string[];
  /** Whether a subnet can be created in it: it is not impaired, and requires no opt-in. */
  available: boolean;
}

/** Availability Zones of the subnets, by their index. A subnet that does not exist yet has none. */
export type DeployedZones = Readonly<Record<number, string | undefined>>;

/**
 * Chooses the Availability Zones of the subnets. Existing subnets keep their zone, whatever the region offers now. A new subnet gets a zone
 * that no other subnet has and that offers at least one of the instance types: first the zone that offers the most types that no chosen
 * zone offers, then the one that offers the most types, then the first by name.
 *
 * Problems: too few zones, a zone that offers none of the types, and a type that no chosen zone offers. Keys have no prefix `aws.`.
 */
export function chooseZones(
  { network, gpu }: AwsSettings,
  deployed: DeployedZones,
  offers: readonly ZoneOffer[],
): { zones: string[]; problems: Problem[] } {
  const offered = (zone: string) => offers.find((one) => one.zone === zone)?.instanceTypes ?? [];
  const kept = Object.values(deployed).filter((zone) => zone !== undefined);
  const suitable = offers.filter(({ available, instanceTypes }) => available && instanceTypes.length);
  const candidates = suitable.filter(({ zone }) => !kept.includes(zone));
  const zones: string[] = [];
  for (let index = 0; index < network.availabilityZones; index++) {
    const covered = new Set([...kept, ...zones].flatMap(offered));
    const zone = deployed[index] ?? takeBest(candidates, covered);
    if (zone) zones.push(zone);
  }
  if (zones.length < network.availabilityZones) {
    const names = suitable.map(({ zone }) => zone).join(", ") || "none";
    const remedy =
      `too few zones of the region are available and offer one of aws.gpu.instanceTypes (${names}): ` +
      "use instance types that more zones offer, fewer zones (at least 2), or another region";
    const value = String(network.availabilityZones);
    return { zones, problems: [{ key: "network.availabilityZones", value, remedy }] };
  }
  return { zones, problems: offerProblems(gpu.instanceTypes, zones, offered) };
}

/** Removes the best zone from the candidates. */
function takeBest(candidates: ZoneOffer[], covered: ReadonlySet<string>): string | undefined {
  const added = ({ instanceTypes }: ZoneOffer) => instanceTypes.filter((type) => !covered.has(type)).length;
  candidates.sort(
    (a, b) => added(b) - added(a) || b.instanceTypes.length - a.instanceTypes.length || (a.zone < b.zone ? -1 : 1),
  );
  return candidates.shift()?.zone;
}

function offerProblems(
  instanceTypes: readonly string[],
  zones: readonly string[],
  offered: (zone: string) => string[],
): Problem[] {
  const all = zones.join(", ");
  const missing = instanceTypes.flatMap((value, index): Problem[] => {
    if (zones.some((zone) => offered(zone).includes(value))) return [];
    const remedy = `none of the zones of the stack (${all}) offers this instance type: use another one`;
    return [{ key: `gpu.instanceTypes.${index}`, value, remedy }];
  });
  const without = zones.filter((zone) => !offered(zone).length);
  if (missing.length || !without.length) return missing;
  const remedy = `${without.join(" and ")}, a zone of the stack, offers none of them: add a type that it offers`;
  return [{ key: "gpu.instanceTypes", value: instanceTypes.join(", "), remedy }];
}

import { AUTO_SCALING_GROUP, gpuInstances } from "./gpu-instances";
import { costOfQuantity, formatMoney } from "./money";
import type { Price, RegionPrices } from "./prices";
import { HOURS_PER_MONTH } from "./products";
import { UnknownInput, type CostResource, type StackResources } from "./resource";

/** What a cost assumes, as sentences. @param used - the prices that the totals contain */
export function assumptionsOf(
  stack: StackResources,
  region: string,
  prices: RegionPrices | undefined,
  used: readonly Price[],
): string[] {
  if (!used.length) return [];
  const dates = used.map(({ date }) => date).sort();
  return [
    `A month has ${HOURS_PER_MONTH} hours. At rest, each service runs its minimum number of tasks all the time, and at full scale its maximum number.`,
    ...stack.ofType(AUTO_SCALING_GROUP).flatMap((group) => gpuAssumptions(group, stack, prices)),
    "Tasks that run beside the services are not included: during deployments, verifications of images, and downloads of models.",
    ...(stack.ofType("aws:kms/key:Key").length
      ? ["The KMS key is not rotated yet: its first and its second rotation each add the price of a key."] // https://aws.amazon.com/kms/pricing/
      : []),
    "Data transfer, the AWS Free Tier, discounts, and taxes are not included.",
    `The prices are on-demand prices of ${region}, from ${dates[0]} to ${dates[dates.length - 1]}.`,
  ];
}

function gpuAssumptions(group: CostResource, stack: StackResources, prices: RegionPrices = {}): string[] {
  try {
    const { type, types, spot } = gpuInstances(group, stack);
    const monthly = (name: string): string => {
      const price = prices[`instance:${name}`];
      return price ? `${formatMoney(costOfQuantity(price.price, HOURS_PER_MONTH))} a month` : "without a price";
    };
    const others = types.slice(1).map((name) => `${name} (${monthly(name)})`);
    const instead = others.length ? `, and none is ${others.join(" or ")}` : "";
    return [
      `As many GPU instances run as the tasks need. Each task uses one GPU. All instances are ${type}${instead}.`,
      ...(spot.atRest || spot.atFullScale
        ? ["Spot instances are counted at the on-demand price, which is their maximum price by default."]
        : []),
    ];
  } catch (error) {
    if (error instanceof UnknownInput) return []; // the cost says what is not known
    throw error;
  }
}

import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { Emulator } from "./emulator";
import { until } from "./engine";
import { stackTargetGroup } from "./stack-service";

/** Creates a load balancer that forwards all requests to a target group with the times of the stack. Its URL works with `CloudClient`. */
export async function createLoadBalancer(emulator: Emulator): Promise<{ url: string; targetGroupArn: string }> {
  const ec2 = new EC2Client(emulator.clientConfig);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: Vpc!.VpcId!, CidrBlock: "10.9.0.0/24" }));
  const call = async (action: string, parameters: Record<string, unknown>) => {
    const all = { Version: "2015-12-01", ...parameters };
    const text = await emulator.call("elasticloadbalancing", action, all);
    return (element: string) => new RegExp(`<${element}>(.*?)</${element}>`).exec(text)![1];
  };
  const balancer = await call("CreateLoadBalancer", { Name: "api", "Subnets.member.1": Subnet!.SubnetId! });
  const { healthCheck, ...group } = await stackTargetGroup();
  const created = await call("CreateTargetGroup", {
    Name: "api",
    VpcId: Vpc!.VpcId!,
    Port: group.port as number,
    Protocol: group.protocol as string,
    TargetType: group.targetType as string,
    HealthCheckPath: healthCheck.path as string,
    HealthCheckIntervalSeconds: healthCheck.interval as number,
    HealthCheckTimeoutSeconds: healthCheck.timeout as number,
    HealthyThresholdCount: healthCheck.healthyThreshold as number,
    UnhealthyThresholdCount: healthCheck.unhealthyThreshold as number,
    "Matcher.HttpCode": healthCheck.matcher as string,
  });
  const targetGroupArn = created("TargetGroupArn");
  await call("ModifyTargetGroupAttributes", {
    TargetGroupArn: targetGroupArn,
    "Attributes.member.1.Key": "deregistration_delay.timeout_seconds",
    "Attributes.member.1.Value": group.deregistrationDelay as number,
  });
  await call("CreateListener", {
    LoadBalancerArn: balancer("LoadBalancerArn"),
    Protocol: "HTTP",
    Port: 80,
    "DefaultActions.member.1.Type": "forward",
    "DefaultActions.member.1.TargetGroupArn": targetGroupArn,
  });
  const host = balancer("DNSName");
  await until("the load balancer answers", 20, () => {
    try {
      return emulator.addressOf(host, 80);
    } catch {
      return false; // the emulator has not written its address yet
    }
  });
  return { url: `http://${host}`, targetGroupArn };
}

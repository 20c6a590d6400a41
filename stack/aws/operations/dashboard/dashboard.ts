import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { panels, type PanelsArgs } from "./panels";
import { dashboardBody } from "./widget";

export interface DashboardArgs extends PanelsArgs {
  /** Name in AWS. */
  name: string;
  region: pulumi.Input<string>;
}

/**
 * The CloudWatch dashboard of the stack. ECS publishes its deployments as events, not as annotations of a dashboard. So a panel has their number.
 *
 * Cost: by the month, if the account has more than three dashboards.
 */
export class Dashboard extends pulumi.ComponentResource {
  constructor(name: string, args: DashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("spatialforge:aws:Dashboard", name, {}, opts);
    new aws.cloudwatch.Dashboard(
      name,
      { dashboardName: args.name, dashboardBody: pulumi.jsonStringify(dashboardBody(panels(args), args.region)) },
      { parent: this },
    );
    this.registerOutputs();
  }
}

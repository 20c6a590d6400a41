import type * as pulumi from "@pulumi/pulumi";

/** Seconds of a data point in a panel. */
const PERIOD_S = 60;

/** Size of a panel. A dashboard has 24 columns: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
const SIZE = { width: 8, height: 6 };
const COLUMNS = 24 / SIZE.width;

/** A metric in a panel. */
export interface PanelMetric {
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
  /** A statistic of CloudWatch, such as `Sum` or `p95`. */
  statistic: string;
  label: string;
  /** Default: the left axis. */
  axis?: "left" | "right";
}

/** A panel: a graph with some metrics. */
export interface Panel {
  title: string;
  metrics: readonly PanelMetric[];
}

/** The body of a dashboard: the panels from left to right and from top to bottom. */
export const dashboardBody = (panels: readonly Panel[], region: pulumi.Input<string>) => ({
  widgets: panels.map(({ title, metrics }, index) => ({
    type: "metric",
    x: (index % COLUMNS) * SIZE.width,
    y: Math.floor(index / COLUMNS) * SIZE.height,
    ...SIZE,
    properties: {
      title,
      region,
      view: "timeSeries",
      period: PERIOD_S,
      yAxis: { left: { min: 0 }, right: { min: 0 } },
      metrics: metrics.map(({ namespace, metric, dimensions, statistic, label, axis = "left" }) => [
        namespace,
        metric,
        ...Object.entries(dimensions).flat(),
        { stat: statistic, label, yAxis: axis },
      ]),
    },
  })),
});

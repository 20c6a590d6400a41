import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PriceTable } from "../../scripts/preview/cost/prices";
import { PRODUCTS } from "../../scripts/preview/cost/products";
import { main } from "../../scripts/prices";

const COLUMNS = [
  "SKU",
  "TermType",
  "StartingRange",
  "Unit",
  "PricePerUnit",
  "Currency",
  "Location Type",
  "Access Type",
  "usageType",
  "operation",
] as const;
type Row = Partial<Record<(typeof COLUMNS)[number], string>>;

const row = (usageType: string, PricePerUnit: string, Unit: string, more: Row = {}): Row => ({
  SKU: "S",
  TermType: "OnDemand",
  StartingRange: "0",
  Unit,
  PricePerUnit,
  Currency: "USD",
  "Location Type": "AWS Region",
  usageType,
  ...more,
});

const instance = (usageType: string, price: string, more: Row = {}) =>
  row(usageType, price, "Hrs", { operation: "RunInstances", ...more });

/** The rows of each offer, as the price list has them in eu-central-1. The first rows are prices that must not be used. */
const rows = (): Record<string, Row[]> => ({
  AmazonEC2: [
    instance("EUC1-BoxUsage:g6.xlarge", "9", { TermType: "Reserved" }),
    instance("EUC1-BoxUsage:g6.xlarge", "9", { operation: "RunInstances:0002" }),
    instance("HAM1-BoxUsage:g6.xlarge", "9", { "Location Type": "AWS Local Zone" }),
    instance("EUC1-DedicatedUsage:g6.xlarge", "9"),
    instance("EUC1-BoxUsage:m7i.large", "9"),
    instance("EUC1-BoxUsage:g6.xlarge", "1.0061000000"),
    row("EUC1-NatGateway-Hours", "0.0520000000", "Hrs", { operation: "NatGateway" }),
    row("EUC1-NatGateway-Bytes", "0.0520000000", "GB"),
    row("EUC1-EBS:VolumeP-Throughput.gp3", "46.6944000000", "GiBps-mo"),
  ],
  AmazonElastiCache: [
    row("EUC1-NodeUsage:cache.m7g.large", "9", "Hrs", { operation: "CreateCacheCluster:0002" }),
    row("EUC1-SyncDurability-NodeUsage:cache.m7g.large", "9", "Hrs", { operation: "CreateCacheCluster:Valkey" }),
    row("EUC1-NodeUsage:cache.m7g.large", "0.1512", "Hrs", { operation: "CreateCacheCluster:Valkey" }),
  ],
  AmazonEFS: [
    row("EUC1-ETDataAccess-Bytes", "0.036", "GB", { "Access Type": "Read" }),
    row("EUC1-ETDataAccess-Bytes", "0.072", "GB", { "Access Type": "Write" }),
  ],
  awskms: [
    row("eu-central-1-KMS-Keys", "1.0000000000", "Keys"),
    row("eu-central-1-KMS-Requests", "0", "Requests"),
    row("eu-central-1-KMS-Requests", "3E-6", "Requests", { StartingRange: "20000" }),
  ],
  AmazonCloudWatch: [
    row("EUC1-CW:MetricMonitorUsage", "0.1", "Metrics", { StartingRange: "10000" }),
    row("EUC1-CW:MetricMonitorUsage", "0.3", "Metrics"),
  ],
});

/** A line of CSV. Empty cells have no quotes. */
const csvLine = (cells: readonly string[]) => cells.map((cell) => cell && `"${cell.replaceAll('"', '""')}"`).join(",");

const csv = (offer: string, lines: readonly Row[]): string =>
  [
    ["FormatVersion", "v1.0"],
    ["Disclaimer", 'This is no "offer", and has commas'],
    ["Publication Date", "2026-11-20T10:00:00Z"],
    ["Version", "20261120100000"],
    ["OfferCode", offer],
    [...COLUMNS],
    ...lines.map((line) => COLUMNS.map((column) => line[column] ?? "")),
  ]
    .map(csvLine)
    .join("\n");

const OLD: PriceTable = {
  "us-east-1": { "kms-key": { price: "1", unit: "month", source: "https://example.org", date: "2025-01-01" } },
  "eu-central-1": {
    alarm: { price: "0.1", unit: "month", source: "https://example.org", date: "2025-02-03" },
    "nat-gateway": { price: "0.05", unit: "hour", source: "https://example.org", date: "2025-01-01" },
    "kms-key": { price: "1", unit: "month", source: "https://example.org", date: "2025-01-01" },
  },
};

let offers: Record<string, Row[]>;
let url: string;
let file: string;
let output: string[];

/** A server with the files of eu-central-1. Offers that the tests do not use have no products. */
beforeEach(async () => {
  offers = rows();
  const known = new Set<string>(Object.values(PRODUCTS).map(({ offer }) => offer));
  const server = createServer((request, response) => {
    const [, offer, region] = /^\/offers\/v1\.0\/aws\/(\w+)\/current\/([\w-]+)\/index\.csv$/.exec(request.url!) ?? [];
    if (!known.has(offer) || region !== "eu-central-1") return void response.writeHead(404).end();
    response.end(csv(offer, offers[offer] ?? []));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = mkdtempSync(join(tmpdir(), "prices-"));
  file = join(folder, "prices.json");
  writeFileSync(file, JSON.stringify(OLD));
  output = [];
  const log = vi.spyOn(console, "log").mockImplementation((text: string) => void output.push(text));
  const error = vi.spyOn(console, "error").mockImplementation((text: string) => void output.push(text));
  return () => {
    server.close();
    rmSync(folder, { recursive: true });
    log.mockRestore();
    error.mockRestore();
  };
});

const run = (...args: string[]) => main(["--url", url, "--file", file, ...args]);
const table = () => JSON.parse(readFileSync(file, "utf8")) as PriceTable;

describe("npm run prices", () => {
  it("writes the prices of a region with their source and date, and keeps all others", async () => {
    expect(await run("--region", "eu-central-1")).toBe(0);
    const source = (offer: string) => `${url}/offers/v1.0/aws/${offer}/current/eu-central-1/index.csv`;
    const price = (offer: string, value: string, unit: string) => ({
      price: value,
      unit,
      source: source(offer),
      date: "2026-11-20",
    });
    const expected = {
      "us-east-1": OLD["us-east-1"],
      "eu-central-1": {
        "instance:g6.xlarge": price("AmazonEC2", "1.0061", "hour"),
        "gp3-throughput": price("AmazonEC2", "46.6944", "GiB/s-month"),
        "redis-node:cache.m7g.large": price("AmazonElastiCache", "0.1512", "hour"),
        "nat-gateway": price("AmazonEC2", "0.052", "hour"),
        "nat-gateway-data": price("AmazonEC2", "0.052", "GB"),
        "kms-key": price("awskms", "1", "month"),
        "kms-requests": price("awskms", "0.000003", "request"),
        alarm: OLD["eu-central-1"].alarm,
        metric: price("AmazonCloudWatch", "0.3", "month"),
        "efs-reads": price("AmazonEFS", "0.036", "GB"),
        "efs-writes": price("AmazonEFS", "0.072", "GB"),
      },
    };
    expect(table()).toEqual(expected);
    expect(Object.keys(table()["eu-central-1"])).toEqual(Object.keys(expected["eu-central-1"]));
  });

  it("reports prices that changed, are new, or are missing", async () => {
    await run("--region", "eu-central-1");
    const lines = output.join("\n").split("\n");
    expect(lines).toContain("nat-gateway: 0.05 -> 0.052 per hour");
    expect(lines).toContain("instance:g6.xlarge: 1.0061 per hour, new");
    expect(lines).toContain("alarm: not in the price list, the price of 2025-02-03 is kept");
    expect(lines).toContain("secret: no price (AWSSecretsManager, usage type AWSSecretsManager-Secrets)");
    expect(lines.filter((line) => line.startsWith("kms-key"))).toEqual([]);
    expect(lines.at(-1)).toBe("10 prices of eu-central-1 renewed");
  });

  it("a second run changes nothing", async () => {
    await run("--region", "eu-central-1");
    const first = readFileSync(file, "utf8");
    expect(await run("--region", "eu-central-1")).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(first);
  });

  it("lists all problems, and writes nothing", async () => {
    offers.AmazonEC2.push(instance("EUC1-BoxUsage:g6.xlarge", "1.2"));
    offers.awskms = [row("eu-central-1-KMS-Keys", "1", "Keys", { Currency: "CNY" })];
    offers.AmazonEFS[0].Unit = "TB";
    expect(await run("--region", "eu-central-1")).toBe(1);
    const text = output.join("\n");
    expect(text).toMatch(
      /AmazonEC2.*: instance:g6.xlarge \(BoxUsage:\*\) must have one price .*, and has: 1.0061, 1.2/,
    );
    expect(text).toMatch(/awskms.*: kms-key \(KMS-Keys\) must have one price in US dollars, and has: none/);
    expect(text).toMatch(/AmazonEFS.*: efs-reads \(ETDataAccess-Bytes\) must have a price per GB, and it is per TB/);
    expect(table()).toEqual(OLD);
  });

  it("says that a region or the price list is wrong", async () => {
    expect(await run("--region", "eu-centrl-1")).toBe(1);
    expect(output.join("\n")).toMatch(/eu-centrl-1\/index.csv: HTTP 404: check whether eu-centrl-1 is a region of AWS/);
    expect(await main(["--url", "http://127.0.0.1:1", "--file", file])).toBe(1);
    expect(output.join("\n")).toMatch(/^http:\/\/127.0.0.1:1\/offers\/.*: .*(ECONNREFUSED|bad port)/m);
    expect(table()).toEqual(OLD);
  });

  it("rejects an unknown option, and prints its help", async () => {
    expect(await run("--zone", "a")).toBe(2);
    expect(await main(["--help"])).toBe(0);
    expect(output.at(-1)).toMatch(/^Usage: npm run prices/);
  });
});

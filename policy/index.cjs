// Pulumi would load TypeScript with ts-node, which checks the types of all files in each preview. tsx does not, as in Pulumi.yaml.
require("tsx/cjs");
require("./pack.ts");

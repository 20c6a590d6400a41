import { describe, expect, it } from "vitest";
import { modelSet, networkVariables } from "../../stack/config/model-set";
import type { Model } from "../../stack/config/models";
import { parseSettings } from "../../stack/config/parse";
import { awsPlatform } from "../harness/aws-platform";
import { AWS_CHINA, byName } from "../harness/mocks";
import { statementsOf } from "../harness/policy";

const SHA = "0123456789abcdef".repeat(4);
const FILE = { url: "https://example.com/yolo.pt", path: "yolo.pt", sha256: SHA };
const ON_S3 = { url: "s3://weights/rail/yolo.pt", path: "rail/yolo.pt", sha256: SHA };
const PINNED = "owner/depth@v1";

const problems = (models: unknown, more: Record<string, string> = {}) =>
  parseSettings({ stack: "local", values: { models: JSON.stringify(models), ...more } }).problems;

describe("the models in the settings", () => {
  it("are models on the hub with or without a revision, and files", () => {
    expect(problems(["owner/name", PINNED, "o/n@refs/pr/1", FILE, ON_S3].slice(0))).toEqual([]);
  });

  it.each<[string, unknown, string, RegExp]>([
    ["a model without an owner", "depth", "models.0", /OWNER\/NAME@REVISION/],
    ["a file without a checksum", { url: FILE.url, path: FILE.path }, "models.0", /\{url, path, sha256\}/],
    ["a file over HTTP", { ...FILE, url: "http://example.com/a" }, "models.0.url", /https:\/\//],
    ["a pattern of objects", { ...FILE, url: "s3://bucket/*.pt" }, "models.0.url", /without the characters/],
    ["a bucket without a key", { ...FILE, url: "s3://bucket" }, "models.0.url", /s3:\/\/BUCKET\/KEY/],
    ["a URL with a password", { ...FILE, url: "https://me:hunter2@example.com/a" }, "models.0.url", /credential/],
    [
      "a presigned URL",
      { ...FILE, url: "https://b.example.com/a?X-Amz-Signature=hunter2" },
      "models.0.url",
      /credential/,
    ],
    ["an absolute path", { ...FILE, path: "/etc/passwd" }, "models.0.path", /relative to MODEL_DIR/],
    ["a path outside", { ...FILE, path: "a/../../b" }, "models.0.path", /no `\.\.`/],
    ["a path of the Hugging Face cache", { ...FILE, path: "huggingface/hub" }, "models.0.path", /in use/],
    ["a checksum of another kind", { ...FILE, sha256: "d41d8cd9" }, "models.0.sha256", /sha256sum FILE/],
  ])("%s is a problem", (_, model, key, remedy) => {
    const found = problems([model]);
    expect(found).toEqual([{ key, value: expect.any(String), remedy: expect.stringMatching(remedy) }]);
    expect(JSON.stringify(found.map(({ remedy, value }) => [remedy, value]))).not.toContain("Signature=hunter2");
  });

  it.each([
    [["owner/depth", PINNED], "models.1"],
    [[FILE, PINNED, { ...ON_S3, path: FILE.path }], "models.2"],
  ])("of one name or path are a problem: %j", (models, key) => {
    expect(problems(models)).toMatchObject([{ key, remedy: /models\.0 is the same/ }]);
  });

  it("have a token that is a secret", () => {
    expect(problems([], { huggingFaceToken: "hf_1" })).toMatchObject([
      { key: "huggingFaceToken", remedy: /config set --secret spatialforge:huggingFaceToken/ },
    ]);
  });
});

describe("a set of models", () => {
  const environment = (models: Model[], requireModels = true) => modelSet({ models, requireModels }).roleEnvironment;
  const check = { MODELS: expect.any(String) as string, MODEL_SET: expect.any(String) as string };

  it("has another folder if a model, a revision, or a checksum differs", () => {
    const lists: Model[][] = [[], ["owner/depth"], [PINNED], [FILE], [{ ...FILE, sha256: SHA.replace("0", "1") }]];
    expect(new Set(lists.map((models) => modelSet({ models, requireModels: true }).id)).size).toBe(lists.length);
  });

  it("is used offline if all models on the hub have a revision", () => {
    const { MODEL_SET: folder } = environment([PINNED]);
    expect(environment([PINNED])).toEqual({ ...check, HF_HUB_CACHE: `${folder}/huggingface`, HF_HUB_OFFLINE: "1" });
    expect(environment([PINNED, "owner/pose"])).toEqual(check);
  });

  it("is MODEL_DIR of the application if it has files", () => {
    expect(environment([FILE])).toEqual({ ...check, MODEL_DIR: environment([FILE]).MODEL_SET });
  });

  it("that is not required is not checked, and leaves the application online", () => {
    expect(environment([PINNED], false)).toEqual({});
    expect(environment([FILE], false)).toEqual({ MODEL_DIR: environment([FILE]).MODEL_SET });
    expect(modelSet({ models: [], requireModels: true })).toMatchObject({ required: false, roleEnvironment: {} });
  });

  it("is downloaded with the network variables of the application, and with no others", () => {
    const variables = {
      HF_ENDPOINT: "https://hub.example.com",
      https_proxy: "http://proxy:3128",
      STRIPE_SECRET_KEY: "s",
    };
    expect(Object.keys(networkVariables(variables))).toEqual(["HF_ENDPOINT", "https_proxy"]);
  });
});

type Container = Record<"environment" | "secrets", { name: string }[]>;

describe("models on AWS", () => {
  const withModels = () => awsPlatform("dev", {}, { models: [PINNED, ON_S3], huggingFaceToken: "hf_secret" });

  /** The container of each task definition, by the name of the task. */
  async function containers() {
    const definitions = byName(await withModels(), "aws:ecs/taskDefinition:TaskDefinition");
    return Object.entries(definitions).map(([name, { containerDefinitions }]) => {
      const [container] = JSON.parse(containerDefinitions as string) as Container[];
      return { task: name.replace("-task-definition", ""), ...container };
    });
  }

  it("are named to the roles that mount the model volume, and to the download", async () => {
    const named = (await containers()).filter(({ environment }) => environment.some(({ name }) => name === "MODELS"));
    expect(named.map(({ task }) => task).sort()).toEqual(["api", "model-download", "verification-api", "worker"]);
  });

  it("are downloaded with the token, which no other task gets, and which is in no plain text", async () => {
    const withToken = (await containers()).filter(({ secrets }) => secrets.some(({ name }) => name === "HF_TOKEN"));
    expect(withToken.map(({ task }) => task)).toEqual(["model-download"]);
    const policies = byName(await withModels(), "aws:iam/rolePolicy:RolePolicy");
    const readers = Object.keys(policies).filter((name) =>
      JSON.stringify(policies[name]).includes("arn:model-download-token"),
    );
    expect(readers).toEqual(["model-download-execution"]);
    const plain = (await withModels()).filter(({ type }) => type !== "aws:secretsmanager/secretVersion:SecretVersion");
    expect(JSON.stringify(plain)).not.toContain("hf_secret");
  });

  it.each([
    ["aws", undefined],
    ["aws-cn", AWS_CHINA],
  ])("in S3 can be read one by one in the partition %s, by the download only", async (partition, location) => {
    const registered = await awsPlatform("dev", {}, { models: [ON_S3], location });
    const policies = Object.entries(byName(registered, "aws:iam/rolePolicy:RolePolicy"));
    const readers = policies.flatMap(([name, { policy }]) =>
      statementsOf(policy as string)
        .filter(({ Action }) => JSON.stringify(Action).includes("s3:"))
        .map(({ Action, Resource }) => ({ name, Action, Resource })),
    );
    const object = `arn:${partition}:s3:::weights/rail/yolo.pt`;
    expect(readers).toEqual([{ name: "model-download-task", Action: ["s3:GetObject"], Resource: [object] }]);
  });
});

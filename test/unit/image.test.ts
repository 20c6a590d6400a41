import type { PartHashes } from "../../stack/app/context-parts";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, expect, it, vi } from "vitest";
import type { AppSource } from "../../stack/app/source";
import { settingsSchema } from "../../stack/config/schema";
import { IMAGES } from "../../stack/images/catalog";
import * as buildCache from "../../stack/registry/build-cache";
import { Registry } from "../../stack/registry/registry";
import { builtTag } from "../../stack/registry/tags";
import { mockEngine } from "../harness/mocks";

afterEach(() => void vi.restoreAllMocks());

it("an image that was built gets a tag before the cache tag can move, so that the registry keeps it", async () => {
  await mockEngine("dev");
  vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(false);
  const calls: string[] = [];
  vi.spyOn(Registry.prototype, "tag").mockImplementation(async (...args) => void calls.push(`tag ${args.join(" ")}`));
  vi.spyOn(buildCache, "ensureCacheImage").mockResolvedValue();
  vi.spyOn(buildCache, "completeBuildCache").mockImplementation(async () => void calls.push("complete the cache"));
  const { image } = await import("../../stack/images/image.js");
  const spec = IMAGES[0];
  const { digest } = image(
    spec,
    {
      settings: settingsSchema.parse({}),
      netrc: pulumi.secret(""),
      app: { repository: "", distribution: { version: "0" } } as AppSource,
      platform: "linux/amd64",
      context: { path: ".build/api", hash: "0123456789ab", parts: {} as PartHashes, compiles: false },
      repository: { url: "registry.example/sf", deletesUntagged: true },
    },
    {},
  );
  const pushed = await new Promise<string>((resolve) => digest.apply(resolve));
  const built = pushed.split("@")[1];
  expect(calls).toEqual([`tag ${built} ${builtTag(built, spec.name)}`, "complete the cache"]);
});

import { vi } from "vitest";
import * as clients from "../../stack/clients/aws";

/** A rule of a lifecycle policy, with the fields that this project uses. */
interface LifecycleRule {
  rulePriority: number;
  selection: { tagStatus: string; tagPatternList?: string[]; countType: string; countNumber: number };
}

interface StoredImage {
  imageDigest: string;
  imageTags: string[];
  imagePushedAt: Date;
}

type Input = Record<string, unknown>;

/** A page of the findings of a scan, or the status of a scan without findings. `NOT_FOUND`: there is no scan. */
type Scan =
  | string
  | { status?: string; description?: string; findings?: object[]; enhancedFindings?: object[]; nextToken?: string };

const DAY_MS = 24 * 60 * 60 * 1000;

/** Number of images in a page of a list. In AWS: up to 1000. */
const PAGE_SIZE = 7;

/** Maximum number of image IDs in a BatchDeleteImage request: the limit of AWS. */
const MAXIMUM_IDS = 100;

/** An ECR repository in memory, with the rules of ECR for tags and lifecycle policies. */
export class FakeEcr {
  private images: StoredImage[] = [];
  /** Names of the calls. */
  readonly calls: string[] = [];
  /** Error of each call. */
  error = "";
  /** Responses to requests for scan findings, one after the other. The last one is repeated. */
  scans: Scan[] = ["NOT_FOUND"];
  /** Failures that BatchDeleteImage returns, by tag. */
  readonly failures: Record<string, string> = {};

  /** Pushes an image. An image that exists keeps its push time. */
  push(imageDigest: string, tag: string): void {
    if (!this.find(imageDigest)) this.images.push({ imageDigest, imageTags: [], imagePushedAt: new Date() });
    this.addTag(imageDigest, tag);
  }

  /** Adds a tag, as `Registry.tag` does. */
  tag = async (digest: string, tag: string): Promise<void> => this.addTag(digest, tag);

  /** Only tags of the build cache can move. */
  private addTag(digest: string, tag: string): void {
    const owner = this.images.find(({ imageTags }) => imageTags.includes(tag));
    if (owner?.imageDigest === digest) return;
    if (owner && !tag.startsWith("cache-")) throw new Error(`the tag ${tag} is immutable`);
    if (owner) owner.imageTags = owner.imageTags.filter((one) => one !== tag);
    const image = this.find(digest);
    if (!image) throw new Error(`no image ${digest}`);
    image.imageTags.push(tag);
  }

  private find = (digest: string) => this.images.find(({ imageDigest }) => imageDigest === digest);

  get digests(): string[] {
    return this.images.map(({ imageDigest }) => imageDigest);
  }

  /** All tags, without those of the build cache. */
  get tags(): string[] {
    return this.images.flatMap(({ imageTags }) => imageTags).filter((tag) => !tag.startsWith("cache-"));
  }

  /**
   * Applies a lifecycle policy, as ECR does once a day. An image that matches the tags of a rule cannot be expired by a later rule.
   * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
   */
  expire(rules: LifecycleRule[]): void {
    let candidates = [...this.images].sort((a, b) => b.imagePushedAt.getTime() - a.imagePushedAt.getTime());
    for (const { selection } of [...rules].sort((a, b) => a.rulePriority - b.rulePriority)) {
      const { tagStatus, tagPatternList = [], countType, countNumber } = selection;
      const patterns = tagPatternList.map((one) => new RegExp(`^${one.replaceAll("*", ".*")}$`));
      const selected = candidates.filter(({ imageTags }) =>
        tagStatus === "untagged"
          ? imageTags.length === 0
          : imageTags.length > 0 && patterns.every((pattern) => imageTags.some((tag) => pattern.test(tag))),
      );
      const expired =
        countType === "imageCountMoreThan"
          ? selected.slice(countNumber)
          : selected.filter(({ imagePushedAt }) => Date.now() - imagePushedAt.getTime() > countNumber * DAY_MS);
      candidates = candidates.filter((image) => !selected.includes(image));
      this.images = this.images.filter((image) => !expired.includes(image));
    }
  }

  /** Makes the program use this repository, until the mocks are restored. */
  use(): void {
    class DescribeImagesCommand {
      constructor(readonly input: Input) {}
    }
    class BatchDeleteImageCommand {
      constructor(readonly input: Input) {}
    }
    class DescribeImageScanFindingsCommand {
      constructor(readonly input: Input) {}
    }
    const send = async (command: { input: Input; constructor: { name: string } }) => {
      this.calls.push(command.constructor.name);
      if (this.error) throw new Error(this.error);
      if (command instanceof DescribeImageScanFindingsCommand) return this.scan();
      return command instanceof BatchDeleteImageCommand
        ? this.batchDelete(command.input.imageIds as { imageTag: string }[])
        : this.describe(command.input.nextToken as string | undefined);
    };
    const commands = { DescribeImagesCommand, DescribeImageScanFindingsCommand, BatchDeleteImageCommand };
    vi.spyOn(clients, "ecrClient").mockResolvedValue({ client: { send }, ...commands } as never);
  }

  private scan() {
    const [next] = this.scans.length > 1 ? this.scans.splice(0, 1) : this.scans;
    const {
      status = "COMPLETE",
      description,
      nextToken,
      ...imageScanFindings
    } = typeof next === "string" ? { status: next } : next;
    if (status === "NOT_FOUND") throw Object.assign(new Error("no scan"), { name: "ScanNotFoundException" });
    return { imageScanStatus: { status, description }, imageScanFindings, nextToken };
  }

  private describe(nextToken = "0") {
    const start = Number(nextToken);
    const tagged = this.images.filter(({ imageTags }) => imageTags.length > 0);
    const imageDetails = tagged.slice(start, start + PAGE_SIZE).map((image) => structuredClone(image));
    return { imageDetails, nextToken: start + PAGE_SIZE < tagged.length ? String(start + PAGE_SIZE) : undefined };
  }

  /**
   * Removes tags. An image without its last tag is deleted.
   * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
   */
  private batchDelete(imageIds: { imageTag: string }[]) {
    if (imageIds.length < 1 || imageIds.length > MAXIMUM_IDS) throw new Error(`${imageIds.length} image IDs`);
    const failures: object[] = [];
    for (const imageId of imageIds) {
      const { imageTag } = imageId;
      const image = this.images.find(({ imageTags }) => imageTags.includes(imageTag));
      const failureReason = image ? this.failures[imageTag] : "Requested image not found";
      if (failureReason) {
        failures.push({ imageId, failureCode: image ? "KmsError" : "ImageNotFound", failureReason });
        continue;
      }
      image!.imageTags = image!.imageTags.filter((tag) => tag !== imageTag);
      if (image!.imageTags.length === 0) this.images = this.images.filter((one) => one !== image);
    }
    return { failures };
  }
}

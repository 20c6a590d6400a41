/** Digest of an image that a preview does not know yet. No image has it, so no registry can return one. */
export const PREVIEW_DIGEST = `sha256:${"0".repeat(64)}`;

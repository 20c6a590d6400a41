/** The status of an image in a line of Pulumi's output: what it is doing, such as pushing a layer. */
const IMAGE_STATUS = /^\s*\S+\s+docker:index:Image \S+ .*?\([\d.]+m?s\)(?: \[diff: [^\]]*\])?\s*(.*)$/;

/** Statuses of an image that say which part of the build begins or has ended. */
const MILESTONES = /^(Pulling cached image|Starting Docker build|Pushing Image|Pushed image)|error|fail|denied|warn/i;

/**
 * Whether to print a line of Pulumi's output where there is no terminal. The Docker provider reports every change of every layer, which a
 * terminal shows in one line per image, and a log as hundreds of lines.
 */
export function isWorthPrinting(line: string): boolean {
  const status = IMAGE_STATUS.exec(line)?.[1];
  return !status || MILESTONES.test(status);
}

/** Whether an update builds images. Otherwise it deploys those of an earlier release, or those of another stack. */
export const buildsImages = ({ release, promoteFrom }: { release: string; promoteFrom: string }): boolean =>
  !release && !promoteFrom;

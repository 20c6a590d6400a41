/** User and group ID of the processes in the images: `USER` in `images/Dockerfile`. Volumes must belong to it. */
export const IMAGE_UID = 10001;

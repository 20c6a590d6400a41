/** User and group id of the images' processes: `USER` of `images/Dockerfile`, for volumes that have to belong to it. */
export const IMAGE_UID = 10001;

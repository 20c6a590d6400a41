/** Text with the first 12 digits of each digest. */
export const shortDigests = (text: string): string => text.replaceAll(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1");

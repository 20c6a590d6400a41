/** The parts of an image reference, with the defaults of Docker. */
export interface ImageReference {
  /** Host of the registry, as `HOST` or `HOST:PORT`. */
  host: string;
  /** Repository in the registry. */
  repository: string;
  /** Undefined for a reference that has a digest and no tag. */
  tag?: string;
  /** The reference as it is written, without its digest. */
  tagged: string;
}

/** Host of the API of Docker Hub. References name it `docker.io`, or no host. */
const DOCKER_HUB = "registry-1.docker.io";

/**
 * Parses an image reference. The first part of a name is a host if it has a dot or a port, or is `localhost`. A name on Docker Hub without
 * a user is in `library`, and the default tag is `latest`. Source: https://pkg.go.dev/github.com/distribution/reference
 */
export function parseReference(reference: string): ImageReference {
  const [tagged, digest] = reference.split("@");
  const [, name, tag] = /^(.*?)(?::([\w.-]+))?$/.exec(tagged)!;
  const [first, ...rest] = name.split("/");
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const isHub = !hasHost || /^(index\.)?docker\.io$/.test(first);
  const path = hasHost ? rest.join("/") : name;
  return {
    host: isHub ? DOCKER_HUB : first,
    repository: isHub && !path.includes("/") ? `library/${path}` : path,
    tag: tag ?? (digest ? undefined : "latest"),
    tagged,
  };
}

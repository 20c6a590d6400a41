import type { Resource, Rule } from "../rule";
import { statements, type Statement } from "../statements";
import { at, list, shown } from "../values";
import { WILDCARDS, type Wildcard } from "../wildcards";

/** Types of resources with the input `policy`. */
const POLICIES =
  /^aws:(iam\/(role|user|group)Policy|iam\/policy|kms\/key|kms\/keyPolicy|s3\/bucketPolicy|efs\/fileSystemPolicy|ecr\/repositoryPolicy|secretsmanager\/secretPolicy|sns\/topicPolicy|sqs\/queuePolicy):/;

/** Types that attach a managed policy. */
const ATTACHMENTS = /^aws:iam\/\w*PolicyAttachment\w*:/;

const ROLE = "aws:iam/role:Role";
const KEY_POLICY = "aws:kms/key:Key";

/** A wildcard that a statement has. */
export interface UsedWildcard {
  action: string;
  /** The resource in the statement. */
  target: string;
  /** The entry of the list that allows it. */
  allowedBy?: Wildcard;
}

const hasWildcard = (text: string): boolean => /[*?]/.test(text);

/** The statements of a resource: of its policy, or of the policies in a role. */
function statementsOf(resource: Resource): Statement[] {
  if (POLICIES.test(resource.type)) return statements(resource.props.policy);
  if (resource.type !== ROLE) return [];
  return list(resource.props.inlinePolicies).flatMap((inline) => statements(at(inline, "policy")));
}

/** The wildcards in the statements of a resource that allow something. */
export function usedWildcards(resource: Resource): UsedWildcard[] {
  const isKeyPolicy = resource.type === KEY_POLICY;
  return statementsOf(resource)
    .filter(({ Effect }) => Effect === "Allow")
    .flatMap((statement) => pairs(statement))
    .filter(([action, target]) => hasWildcard(action) || hasWildcard(target))
    .map(([action, target]) => ({
      action,
      target,
      allowedBy: WILDCARDS.find(
        ({ actions, resource: pattern, keyPolicy = false }) =>
          actions.includes(action) && pattern.test(target) && keyPolicy === isKeyPolicy,
      ),
    }));
}

/** Each action of a statement with each resource. `NotAction` and `NotResource` include what nobody has listed. */
function pairs({ Action, NotAction, Resource, NotResource }: Statement): [action: string, resource: string][] {
  const actions = NotAction === undefined ? list(Action).map(shown) : ["*"];
  const resources = NotResource === undefined ? list(Resource).map(shown) : ["*"];
  return actions.flatMap((action) => resources.map((resource): [string, string] => [action, resource]));
}

/** The statements that say who can use a resource: of its policy, or of the trust policy of a role. */
function resourceStatements(resource: Resource): Statement[] {
  if (resource.type === ROLE) return statements(resource.props.assumeRolePolicy);
  return POLICIES.test(resource.type) ? statements(resource.props.policy) : [];
}

/** Whether a statement allows everybody. A condition can limit it to an organization or a VPC. */
const isPublic = ({ Effect, Principal, Condition }: Statement): boolean => {
  const principals = typeof Principal === "object" && Principal ? Object.values(Principal).flatMap(list) : [Principal];
  return Effect === "Allow" && Condition === undefined && principals.includes("*");
};

export const IAM: readonly Rule[] = [
  {
    name: "iam-wildcards",
    description: "Policies name their actions and resources. policy/wildcards.ts lists the exceptions.",
    check: (resource) =>
      usedWildcards(resource)
        .filter(({ allowedBy }) => !allowedBy)
        .map(({ action, target }) => `it allows ${action} on ${target}: name the actions and the resources`),
  },
  {
    name: "iam-managed-policies",
    description: "Roles have no managed policies, which can contain wildcards.",
    check: (resource) =>
      ATTACHMENTS.test(resource.type) || (resource.type === ROLE && list(resource.props.managedPolicyArns).length)
        ? ["it attaches a managed policy: use a RolePolicy with the actions that are needed"]
        : [],
  },
  {
    name: "no-public-policy",
    description: "No policy of a resource allows everybody.",
    check: (resource) =>
      resourceStatements(resource).some(isPublic) ? ["it allows every principal: name the principals"] : [],
  },
];

#!/usr/bin/env bash
# Says what a deployment did, in the summary of the job: deployment.sh before | after
#   before: writes the release that the stack has to the outputs of the step
#   after: compares it with the release that the stack has now. OUTCOME is the outcome of the update, BEFORE the release before it, and
#     RELEASE the release to which the stack was rolled back, or empty
# Requires the Pulumi CLI, access to the state, and the name of the stack in STACK.
set -euo pipefail

# Empty for a stack that was never deployed.
release=$(pulumi stack output release --stack "$STACK" --non-interactive 2>/dev/null || true)

case $1 in
before)
  echo "release=$release" >>"$GITHUB_OUTPUT"
  ;;
after)
  {
    if [ "$OUTCOME" != success ]; then
      echo "### $STACK: the deployment failed"
      echo
      echo "The log of the update says why, and what each service runs now. The last release that was deployed completely is \`${release:-none}\`."
    else
      echo "### $STACK runs the release \`$release\`"
      echo
      if [ "$release" = "$BEFORE" ]; then echo 'The release did not change.'; else echo "The release before was \`${BEFORE:-none}\`."; fi
      if [ -n "$RELEASE" ]; then
        echo "Nothing was built. **To keep this release, add \`spatialforge:release: $RELEASE\` below \`config:\` in \`Pulumi.$STACK.yaml\`, and commit the file.** Without it, the next push to main undoes the rollback."
      fi
    fi
  } >>"$GITHUB_STEP_SUMMARY"
  ;;
esac

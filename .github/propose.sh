#!/usr/bin/env bash
# Proposes a patch of locks and settings files in a pull request from the branch `renew`: propose.sh PATCH
# An open pull request of an earlier run gets the new patch. Requires git, gh, and GH_TOKEN.
set -euo pipefail

patch=$1
branch=renew

if ! [ -s "$patch" ]; then
  echo "::notice title=Renew::Nothing has changed."
  exit 0
fi

# The patch comes from a job that runs code of packages. It may only change what this workflow renews.
foreign=$(git apply --numstat "$patch" | cut -f3 | grep -Ev '^(images/locks/[[:alnum:]._/-]+|Pulumi\.[a-z]+\.yaml)$' || true)
if [ "$foreign" ]; then
  echo "::error title=Renew::The patch changes other files than locks and settings: $foreign"
  exit 1
fi

git switch --quiet --create "$branch"
git apply --index "$patch"
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
  commit --quiet --message 'Renew locks, base images, and AMI'
gh auth setup-git
git push --quiet --force origin "$branch"
if [ "$(gh pr list --head "$branch" --state open --json number --jq length)" = 0 ]; then
  gh pr create --head "$branch" --title 'Renew locks, base images, and AMI' --body \
    'New versions of the locked packages, new digests of the base images, and the newest AMI of the GPU instances. The comments of the previews show what changes in each stack.'
fi

# Runs a command that downloads packages, with the settings of the network: sh network.sh COMMAND...
# The folder /mnt/network contains ca.pem and os-mirror, which are empty if they are not set. They are mounted, so they are in no layer and no
# history. The proxy is in the environment: Docker's predefined build arguments are in no history either.
ca=/mnt/network/ca.pem
if [ -s "$ca" ]; then
  export SSL_CERT_FILE="$ca" GIT_SSL_CAINFO="$ca"
  if [ -d /etc/apt ]; then printf 'Acquire::https::CAInfo "%s";\n' "$ca" >/etc/apt/apt.conf.d/99network; fi
fi

# The hosts are those in the sources of Debian, Ubuntu, and Ubuntu on arm64.
mirror=$(cat /mnt/network/os-mirror)
if [ "$mirror" ] && [ -d /etc/apt ]; then
  find /etc/apt/sources.list /etc/apt/sources.list.d -type f -exec sed -i -E \
    "s#https?://(deb\.debian\.org|security\.debian\.org|archive\.ubuntu\.com|security\.ubuntu\.com|ports\.ubuntu\.com)/#${mirror%/}/#" \
    {} + 2>/dev/null || true
fi

# In memory, so that it is in no layer
log=/dev/shm/network.log
status=0
"$@" 2>"$log" || status=$?
cat "$log" >&2
[ "$status" -ne 0 ] || exit 0
if grep -qiE 'certificate|unknownissuer' "$log"; then
  echo 'The build does not trust the certificate of a package server. If a proxy replaces certificates, set build.caBundle to a PEM file that contains its certificate authority.' >&2
elif grep -qiE 'resolv|dns error|connect|unreachable|timed? ?out|proxy' "$log"; then
  if [ "${https_proxy:-}" ]; then
    echo "The build cannot reach a package server through the proxy $https_proxy. Check build.proxy and build.noProxy." >&2
  else
    echo 'The build cannot reach a package server. Set build.proxy to the URL of your proxy, or indexes.osPackages and indexes.python to mirrors.' >&2
  fi
fi
exit "$status"

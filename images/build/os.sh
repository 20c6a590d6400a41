# Makes the OS layer: what the runtime needs, and less of what the base brings. Runs as root in the image build.
export DEBIAN_FRONTEND=noninteractive

# The base's own Python, or the distribution's, or a build of uv's: the first that is recent enough
least=3.11
apt-get update -qq
packages="tini ca-certificates"
standalone=
python=python3
if ! python3 -c "import sys; raise SystemExit(sys.version_info < (${least%.*}, ${least#*.}))" 2>/dev/null; then
  candidate=$(apt-cache policy python3 | sed -n 's/^ *Candidate: \([0-9]\)/\1/p')
  if dpkg --compare-versions "${candidate:-0}" ge "$least"; then packages="$packages python3"; else standalone=yes; fi
fi
apt-get install -y -qq --no-install-recommends $packages >/dev/null
if [ "$standalone" ]; then
  export UV_PYTHON_INSTALL_DIR=/opt/python UV_PYTHON_INSTALL_MIRROR="$PYTHON_BUILDS" UV_CACHE_DIR=/tmp/uv
  [ "$PYTHON_BUILDS" ] || unset UV_PYTHON_INSTALL_MIRROR
  /mnt/uv python install --no-progress --no-bin "$PYTHON"
  python=$(/mnt/uv python find --managed-python "$PYTHON")
  ln -s "$python" /usr/local/bin/python3
  rm -rf /tmp/uv
fi

# The environment whose packages come in layers of their own. It finds its library by the interpreter's own path, not by a link's.
"$python" -m venv --without-pip /opt/venv
rm -f /opt/venv/bin/[Aa]ctivate*

echo 'spatialforge:x:10001:' >>/etc/group
echo 'spatialforge:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd
install -d -o 10001 -g 10001 -m 0755 /models
install -d -m 0755 /app
chmod 1777 /tmp

# Scanners read dpkg's database, so it stays; everything that installs, compiles, fetches or edits goes.
rm -rf /var/lib/apt/* /var/cache/* /var/log/* /etc/apt /etc/cron.* /usr/lib/apt /usr/share/doc /usr/share/man /usr/share/locale
for folder in /usr/lib/python3* /usr/local/lib/python3* /opt/python/*/lib/python3*; do
  [ -d "$folder" ] || continue
  rm -rf "$folder"/ensurepip "$folder"/idlelib "$folder"/lib2to3 "$folder"/pydoc_data "$folder"/turtledemo
  rm -rf "$folder"/*-packages/pip "$folder"/*-packages/pip-* "$folder"/*-packages/setuptools* "$folder"/*-packages/wheel*
done
for tool in apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark bash rbash dpkg dpkg-deb dpkg-divert dpkg-query \
  dpkg-realpath dpkg-split dpkg-statoverride dpkg-trigger dpkg-maintscript-helper perl perl5* cpan pip pip3 pip3.* uv uvx gcc cc \
  g++ c++ cpp ld as make git curl wget vi vim vim.tiny nano ed chsh chfn gpasswd newgrp passwd su mount umount chage expiry sudo \
  unix_chkpwd; do
  for folder in /bin /sbin /usr/bin /usr/sbin /usr/local/bin; do rm -f $folder/$tool; done
done
rm -rf /usr/lib/*/perl-base /usr/lib/*/perl
find / -xdev -perm /6000 -type f -exec chmod a-s {} +
# Byte code of the interpreter's own library stays as the base made it; a clock in a layer would make it new each time.
find /etc/passwd /etc/group /opt /models /app -exec touch -h -d @315532800 {} +

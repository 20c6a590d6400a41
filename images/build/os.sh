# Creates the OS layer: adds what the runtime needs and removes what it must not contain. With the argument `compilers` it adds what packages
# are compiled with, and removes nothing. Runs as root in the image build.
# SYSTEM_PACKAGES and KEEP_PROGRAMS are the settings app.systemPackages and keepPrograms, as names separated by spaces.
export DEBIAN_FRONTEND=noninteractive

# Python is the first one that is recent enough: the base's own, the distribution's, or uv's standalone build.
minimum=3.11
apt-get update -qq
packages="tini ca-certificates"
standalone=
python=python3
if ! python3 -c "import sys; raise SystemExit(sys.version_info < (${minimum%.*}, ${minimum#*.}))" 2>/dev/null; then
  candidate=$(apt-cache policy python3 | sed -n 's/^ *Candidate: \([0-9]\)/\1/p')
  if dpkg --compare-versions "${candidate:-0}" ge "$minimum"; then packages="$packages python3"; else standalone=yes; fi
fi
for package in ${SYSTEM_PACKAGES-}; do
  apt-get install -s -qq --no-install-recommends "$package" >/dev/null || {
    echo "app.systemPackages: the distribution of the base image has no package $package: correct or remove its name" >&2
    exit 1
  }
done
apt-get install -y -qq --no-install-recommends $packages ${SYSTEM_PACKAGES-} >/dev/null
if [ "$standalone" ]; then
  export UV_PYTHON_INSTALL_DIR=/opt/python UV_PYTHON_INSTALL_MIRROR="$PYTHON_BUILDS" UV_CACHE_DIR=/tmp/uv
  [ "$PYTHON_BUILDS" ] || unset UV_PYTHON_INSTALL_MIRROR
  /mnt/uv python install --no-progress --no-bin "$PYTHON"
  python=$(/mnt/uv python find --managed-python "$PYTHON")
  ln -s "$python" /usr/local/bin/python3
  rm -rf /tmp/uv
fi

# The virtual environment. Its packages are in layers of their own. "$python" is not a symbolic link: Python finds its standard
# library by the path of the interpreter.
"$python" -m venv --without-pip /opt/venv
rm -f /opt/venv/bin/[Aa]ctivate*

if [ "${1:-}" = compilers ]; then
  include=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')
  [ -e "$include/Python.h" ] || BUILD_PACKAGES="$BUILD_PACKAGES python3-dev"
  apt-get install -y -qq --no-install-recommends gcc g++ libc6-dev make git $BUILD_PACKAGES >/dev/null || {
    echo "apt cannot install all of app.buildPackages: $BUILD_PACKAGES" >&2
    exit 1
  }
  exit
fi

echo 'spatialforge:x:10001:' >>/etc/group
echo 'spatialforge:x:10001:10001::/tmp:/usr/sbin/nologin' >>/etc/passwd
install -d -o 10001 -g 10001 -m 0755 /models
install -d -m 0755 /app
chmod 1777 /tmp

# is_kept NAME: whether a program stays
is_kept() { case " ${KEEP_PROGRAMS-} " in *" $1 "*) ;; *) return 1 ;; esac; }

# Tools that install, compile, download, or edit are removed. The dpkg database stays, because scanners read it.
tools="apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark bash rbash dpkg dpkg-deb dpkg-divert dpkg-query dpkg-realpath \
  dpkg-split dpkg-statoverride dpkg-trigger dpkg-maintscript-helper perl perl5* cpan pip pip3 pip3.* uv uvx gcc cc g++ c++ cpp ld as \
  make git curl wget vi vim vim.tiny nano ed chsh chfn gpasswd newgrp passwd su mount umount chage expiry sudo unix_chkpwd"
for program in ${KEEP_PROGRAMS-}; do
  command -v "$program" >/dev/null || {
    echo "keepPrograms: the base image has no program $program: correct its name, or install its package with app.systemPackages" >&2
    exit 1
  }
done
set -f # the patterns of the tools stay patterns
for package in ${SYSTEM_PACKAGES-}; do
  for tool in $tools; do
    [ "$tool" != "$package" ] || is_kept "$tool" || {
      echo "app.systemPackages: the images do not contain the program $package: remove it, or add it to keepPrograms" >&2
      exit 1
    }
  done
done
set +f
rm -rf /var/lib/apt/* /var/cache/* /var/log/* /etc/apt /etc/cron.* /usr/lib/apt /usr/share/doc /usr/share/man /usr/share/locale
for folder in /usr/lib/python3* /usr/local/lib/python3* /opt/python/*/lib/python3*; do
  [ -d "$folder" ] || continue
  rm -rf "$folder"/ensurepip "$folder"/idlelib "$folder"/lib2to3 "$folder"/pydoc_data "$folder"/turtledemo
  rm -rf "$folder"/*-packages/pip "$folder"/*-packages/pip-* "$folder"/*-packages/setuptools* "$folder"/*-packages/wheel*
done
for folder in /bin /sbin /usr/bin /usr/sbin /usr/local/bin; do
  [ -d "$folder" ] || continue
  (cd "$folder" && for file in $tools; do is_kept "$file" || rm -f "$file"; done)
done
is_kept perl || rm -rf /usr/lib/*/perl-base /usr/lib/*/perl
find / -xdev -perm /6000 -type f -exec chmod a-s {} +
# A fixed time, because the time of the build would change the layer in every build. The bytecode of Python's standard library is not
# touched: it is as the base created it.
find /etc/passwd /etc/group /opt /models /app -exec touch -h -d @315532800 {} +

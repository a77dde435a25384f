# The Debian package, built, judged by lintian, and installed on a Debian that has nothing but it.
FROM debian:trixie-slim AS package
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends build-essential debhelper lintian \
        libhiredis-dev libinih-dev libjansson-dev libseccomp-dev libsodium-dev libssl-dev libuv1-dev libwebsockets-dev \
        libwebsockets-evlib-uv meson ninja-build pkg-config python3
COPY . /source
RUN sh /source/deploy/debian/build.sh /packages \
    && lintian --fail-on error,warning --allow-root /packages/barker_*.deb

FROM debian:trixie-slim AS installed
COPY --from=package /packages /packages
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends systemd /packages/barker_*.deb \
    && getent passwd barker \
    && test "$(stat -c '%a %U %G' /etc/barker/barker.ini)" = '640 root barker' \
    && barker version \
    && barker check-config --config /etc/barker/barker.ini --access-subscribe anyone >/dev/null \
    && systemd-analyze security --no-pager --offline=true --threshold=20 /usr/lib/systemd/system/barker.service >/dev/null \
    && dpkg --verify barker \
    && dpkg --purge barker \
    && test ! -e /usr/bin/barker

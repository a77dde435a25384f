# What stands beside the gateway in deploy/compose.yaml, from Debian's packages: they are called as the published images are.
FROM debian:trixie-slim AS packages
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends haproxy redis-server redis-tools

FROM packages AS redis
CMD ["redis-server", "--protected-mode", "no", "--bind", "0.0.0.0"]

FROM packages AS haproxy
CMD ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]

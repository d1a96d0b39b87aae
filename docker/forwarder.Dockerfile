# The forwarder: one program, the libraries it is linked with, and nothing
# else - no shell, no package manager, no root.
#
#	docker build -f docker/forwarder.Dockerfile -t walferry .
ARG BASE=docker.io/library/debian:bookworm-20250520-slim

FROM ${BASE} AS build
RUN apt-get update \
	&& DEBIAN_FRONTEND=noninteractive apt-get upgrade -y \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends gcc libc6-dev make pkg-config \
		librdkafka-dev libpq-dev libjansson-dev libpcre2-dev libssl-dev \
		ca-certificates
COPY . /src
ARG REVISION=unknown
RUN make -C /src/forwarder COMMIT="$(echo "${REVISION}" | sed 's/[0-9a-f]\{30\}//')" \
	&& sh /src/docker/forwarder-tree.sh /src/build/forwarder/walferry /tree

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
COPY --from=build /tree/ /

# Where TLS looks for the authorities behind a broker's public certificate, and
# where "walferry health" asks the running process.
ENV PATH=/usr/bin \
	SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
	WALFERRY_HEALTH_SOCKET=/run/walferry/health.sock

# No name needed: works where the UID is checked to be a number (runAsNonRoot).
USER 65532:65532

# Drain, confirm what is delivered, exit 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/walferry"]
CMD ["run", "--config", "/etc/walferry/walferry.properties"]

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
	CMD ["/usr/bin/walferry", "health", \
		"--config", "/etc/walferry/walferry.properties"]

LABEL org.opencontainers.image.title="walferry" \
	org.opencontainers.image.description="Carries PostgreSQL's committed changes into Apache Kafka" \
	org.opencontainers.image.licenses="PostgreSQL" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"

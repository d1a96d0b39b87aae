# PostgreSQL with walferry's output plugin and extension.
#
#	docker build -f docker/postgres.Dockerfile -t walferry-postgres .
#
# BASE is any Debian that has postgresql-$PG_MAJOR among its packages: the
# default, bookworm, has 15; trixie has 17.
ARG BASE=docker.io/library/debian:bookworm-20250520-slim

FROM ${BASE} AS build
ARG PG_MAJOR=15
# Nothing of this stage but what make installs goes into the image.
RUN apt-get update \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends gcc libc6-dev make \
		"postgresql-server-dev-${PG_MAJOR}"
COPY . /src
RUN make -C /src install NO_FORWARDER=1 DESTDIR=/out \
		PG_CONFIG="/usr/lib/postgresql/${PG_MAJOR}/bin/pg_config"

FROM ${BASE}
ARG PG_MAJOR=15
ARG VERSION=unknown
ARG REVISION=unknown

# A fixed UID, so that a volume made by one build can be read by the next; no
# cluster is made by the package: that is the entrypoint's work.  The upgrade
# brings what was fixed since the base was made.
RUN groupadd --system --gid 999 postgres \
	&& useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql \
		--shell /bin/bash postgres \
	&& mkdir -p /etc/postgresql-common \
	&& echo 'create_main_cluster = false' \
		> /etc/postgresql-common/createcluster.conf \
	&& apt-get update \
	&& DEBIAN_FRONTEND=noninteractive apt-get upgrade -y \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "postgresql-${PG_MAJOR}" \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
		/var/lib/postgresql/* \
	&& install -d -o postgres -g postgres -m 2775 /var/run/postgresql \
	&& mkdir /docker-entrypoint-initdb.d

COPY --from=build /out/ /
COPY docker/postgres.conf.d/ /etc/walferry/postgres.conf.d/
COPY docker/postgres-entrypoint.sh /usr/local/bin/

ENV PATH=/usr/lib/postgresql/${PG_MAJOR}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	LANG=C.UTF-8 \
	PGDATA=/var/lib/postgresql/data

# The entrypoint makes a new cluster beside PGDATA and renames it when it is
# whole: the volume therefore is the directory above.
VOLUME /var/lib/postgresql
EXPOSE 5432

# SIGINT is PostgreSQL's fast shutdown; SIGTERM waits for every client.
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entrypoint.sh"]
CMD ["postgres"]

# Over TCP: while the entrypoint prepares a new cluster there is only a socket.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
	CMD ["pg_isready", "-q", "-h", "127.0.0.1"]

LABEL org.opencontainers.image.title="walferry-postgres" \
	org.opencontainers.image.description="PostgreSQL with the walferry output plugin" \
	org.opencontainers.image.licenses="PostgreSQL" \
	org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.revision="${REVISION}"

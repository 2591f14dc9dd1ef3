# The official image of PostgreSQL with this extension:
#
#	docker build --build-arg PG_MAJOR=17 -t shop-db .
#	docker run -e POSTGRES_PASSWORD=secret shop-db
#
# and in a database of it: CREATE EXTENSION retention. Built in a stage of its own, so that no
# compiler is in what runs.
ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR} AS build
ARG PG_MAJOR
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc make libc6-dev "postgresql-server-dev-${PG_MAJOR}" \
	&& rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Makefile retention.control ./
COPY src src
COPY sql sql
RUN make -s -j "$(nproc)" with_llvm=no \
	&& make -s install with_llvm=no DESTDIR=/install

FROM postgres:${PG_MAJOR}
COPY --from=build /install/ /

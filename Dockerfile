# A static binary, no shell, no root. Build: docker build -t tollgate .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /tollgate ./cmd/tollgate \
 && mkdir -m 0700 /data

FROM scratch
COPY --from=build /tollgate /tollgate
COPY --from=build --chown=65532:65532 /data /data
COPY gateway.yaml /gateway.yaml
# Inside a container loopback is nobody's: what is published, and to whom, decides who gets in. Publish 9090 to operators alone.
ENV TOLLGATE_LISTEN=0.0.0.0:8080 TOLLGATE_ADMIN_LISTEN=0.0.0.0:9090
USER 65532:65532
WORKDIR /
VOLUME /data
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["/tollgate"]
CMD ["serve", "--config", "/gateway.yaml"]

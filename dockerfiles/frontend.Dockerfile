# The frontend: nginx on port 8080, as user 1000, serving the exported site and passing /api on
# to $API_URL.
#
#   docker build -f dockerfiles/frontend.Dockerfile fixtures/todo/frontend
#
# Nothing here is newer than the frontend built into Docker 20.10. Optional, none of it left in
# the image:
#   --build-arg NPM_CONFIG_REGISTRY=…    another package registry
#   --secret id=ca,src=FILE              a CA bundle for the package registry
ARG NODE=node:20-alpine
ARG NGINX=nginx:alpine

FROM ${NODE} AS dependencies
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,id=todo-npm,target=/root/.npm,sharing=locked \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    if [ -z "$NPM_CONFIG_REGISTRY" ]; then unset NPM_CONFIG_REGISTRY; fi; \
    npm ci

FROM dependencies AS build
COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
# What `touch` levels is what COPY would carry into the image's layer: two clean builds are one.
RUN npm run build && \
    mkdir -p /layer/app && \
    mv out /layer/app/site && \
    cp nginx/nginx.conf.template nginx/start /layer/app/ && \
    chmod -R u=rwX,go=rX /layer && chmod 755 /layer/app/start && \
    find /layer -exec touch -h -d @1735689600 {} +

FROM ${NGINX}
COPY --from=build /layer/ /
USER 1000:1000
EXPOSE 8080
# nginx finishes what it is doing on SIGQUIT, and drops it on SIGTERM.
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/health"]
ENTRYPOINT ["/app/start"]
CMD []

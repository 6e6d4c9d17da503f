# The backend: FastAPI behind uvicorn on port 8000, as user 1000, with run-time dependencies only.
#
#   docker build -f dockerfiles/backend.Dockerfile fixtures/todo/backend
#
# Nothing here is newer than the frontend built into Docker 20.10, and no package comes from
# outside the base image's own tools and PyPI. Optional, none of it left in the image:
#   --build-arg UV_DEFAULT_INDEX=…, PIP_INDEX_URL=…    another package index
#   --secret id=ca,src=FILE                        a CA bundle for the package index
ARG PYTHON=python:3.12-slim

FROM ${PYTHON} AS uv
ARG PIP_INDEX_URL
COPY build-requirements.txt /build/
RUN --mount=type=cache,id=todo-pip,target=/root/.cache/pip,sharing=locked \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -z "$PIP_INDEX_URL" ]; then unset PIP_INDEX_URL; fi; \
    python3 -m venv /uv && \
    /uv/bin/pip install --disable-pip-version-check --only-binary=:all: \
        --require-hashes -r /build/build-requirements.txt

# Both stages use the same base, so the virtual environment's link to Python holds in the last one.
FROM uv AS dependencies
ARG UV_DEFAULT_INDEX
COPY requirements.txt /build/
# Bytecode that is checked against nothing does not mention when its source was written. What
# `touch` levels is what COPY would carry into the image's layers: two clean builds are one.
RUN --mount=type=cache,id=todo-uv,target=/root/.cache/uv,sharing=locked \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    if [ -z "$UV_DEFAULT_INDEX" ]; then unset UV_DEFAULT_INDEX; fi; \
    export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_CACHE_DIR=/root/.cache/uv; \
    mkdir /layer && \
    /uv/bin/uv venv --no-project --python "$(command -v python3)" /venv && \
    /uv/bin/uv pip sync --python /venv/bin/python --only-binary :all: \
        --require-hashes /build/requirements.txt && \
    PYTHONHASHSEED=0 /venv/bin/python -m compileall -q -j 1 \
        --invalidation-mode unchecked-hash /venv/lib && \
    mv /venv /layer/venv && \
    find /layer -exec touch -h -d @1735689600 {} +

FROM ${PYTHON} AS source
COPY todo_api /layer/app/todo_api
RUN PYTHONHASHSEED=0 python3 -m compileall -q -s /layer -p / \
        --invalidation-mode unchecked-hash /layer && \
    chmod -R u=rwX,go=rX /layer && \
    find /layer -exec touch -h -d @1735689600 {} +

FROM ${PYTHON}
COPY --from=dependencies /layer/ /
COPY --from=source /layer/ /
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/venv/bin/python", "-m", "todo_api.healthcheck"]
CMD ["/venv/bin/python", "-m", "todo_api"]

# One image for every process: `tellal run NAME` says which (docker-compose.yml has all of them).

# A city that wants the very same bytes next year names the base by its digest:
# --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements.lock requirements-build.lock ./
# What builds is not in the image; what is built is built by what the lock names.
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-build.lock \
    && /opt/build/bin/pip wheel --no-cache-dir --require-hashes --no-deps --no-build-isolation \
        --wheel-dir /tmp/wheels -r requirements.lock \
    && python -m venv /opt/tellal \
    && /opt/tellal/bin/pip install --no-cache-dir --no-deps --no-index /tmp/wheels/*.whl
COPY pyproject.toml README.md ./
COPY service service
COPY workers workers
RUN /opt/tellal/bin/pybabel --quiet compile -d service/translations \
    && /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel \
    && /opt/tellal/bin/pip install --no-cache-dir --no-deps --no-index /tmp/wheel/*.whl \
    && /opt/tellal/bin/tellal --version

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --user-group --no-create-home tellal \
    && install -d -o tellal -g tellal -m 0700 /var/lib/tellal
COPY --from=build /opt/tellal /opt/tellal
COPY config /app/config
WORKDIR /app
ENV PATH=/opt/tellal/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TELLAL_VAR_DIR=/var/lib/tellal \
    TELLAL_CONFIG_DIR=/app/config \
    TELLAL_HOST=0.0.0.0
USER 10001:10001
VOLUME /var/lib/tellal
EXPOSE 8080
ENTRYPOINT ["tellal"]
CMD ["run", "web"]

# One image for every process: `tellal run NAME` says which (docker-compose.yml has all of them).

FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.lock .
RUN python -m venv /opt/tellal \
    && /opt/tellal/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY config config
COPY service service
COPY workers workers
RUN /opt/tellal/bin/pybabel --quiet compile -d service/translations \
    && /opt/tellal/bin/python -m compileall -q service workers

FROM python:3.12-slim
RUN useradd --system --uid 10001 --user-group --no-create-home tellal \
    && install -d -o tellal -g tellal -m 0700 /var/lib/tellal
COPY --from=build /opt/tellal /opt/tellal
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/tellal/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TELLAL_VAR_DIR=/var/lib/tellal \
    TELLAL_CONFIG_DIR=/app/config \
    TELLAL_HOST=0.0.0.0
USER 10001:10001
VOLUME /var/lib/tellal
EXPOSE 8080
ENTRYPOINT ["python", "-m", "service.cli"]
CMD ["run", "web"]

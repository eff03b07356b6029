# The worker and the command line in one image; both run as a user that owns nothing but the data volume.
FROM python:3.11.13-slim-bookworm AS build
RUN python -m venv /opt/venv
COPY requirements.lock /
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements.lock

FROM python:3.11.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 diversion \
    && useradd --uid 10001 --gid diversion --no-create-home --home-dir /data diversion \
    && install --directory --owner=diversion --group=diversion --mode=0700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
USER diversion
VOLUME /data
CMD ["python", "worker.py"]

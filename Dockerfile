# One image for all roles: evenhand collect, detect, alert, serve, operate, migrate, run.
# scripts/try_image.py runs these steps without a container engine.

FROM python:3.11-slim AS build
ARG SOURCE=/src
ARG PREFIX=/opt/evenhand
WORKDIR ${SOURCE}
RUN python3 -m venv ${PREFIX} && ${PREFIX}/bin/pip install --no-cache-dir --upgrade pip
# Dependencies first: they change less often than we do.
COPY constraints.txt pyproject.toml README.md LICENSE ${SOURCE}/
COPY alerting ${SOURCE}/alerting
COPY collectors ${SOURCE}/collectors
COPY detectors ${SOURCE}/detectors
COPY governance ${SOURCE}/governance
COPY docs/runbooks ${SOURCE}/docs/runbooks
RUN ${PREFIX}/bin/pip install --no-cache-dir --constraint constraints.txt ".[all]"
# Byte code is there from the first start: the root cannot be written later.
RUN ${PREFIX}/bin/python -m compileall -q -j 0 ${PREFIX}/lib && ${PREFIX}/bin/pip uninstall --yes pip

FROM python:3.11-slim
ARG PREFIX=/opt/evenhand
COPY --from=build ${PREFIX} ${PREFIX}
ENV PATH=${PREFIX}/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
ENTRYPOINT ["evenhand"]
CMD ["--help"]

//! For each rule an example that it finds, and the repair. `docs/rules.md` shows them; those that are
//! Dockerfiles are built and checked by a test, by each kind of engine.

/// What is found, and what is not any more.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The rule's id.
    pub rule: &'static str,
    /// The language: `dockerfile`, `toml` or `yaml`.
    pub language: &'static str,
    /// It is found here.
    pub fails: &'static str,
    /// It is not found here.
    pub repair: &'static str,
}

const fn dockerfile(rule: &'static str, fails: &'static str, repair: &'static str) -> Example {
    Example { rule, language: "dockerfile", fails, repair }
}

const fn toml(rule: &'static str, fails: &'static str, repair: &'static str) -> Example {
    Example { rule, language: "toml", fails, repair }
}

const fn yaml(rule: &'static str, fails: &'static str, repair: &'static str) -> Example {
    Example { rule, language: "yaml", fails, repair }
}

/// One for each rule.
pub const EXAMPLES: &[Example] = &[
    toml(
        "size.budget",
        "[image.api]\nbudget = \"100MB\"   # and the image has 158.5 MB",
        "# Leave out what the finding proposes, or\n[image.api]\nbudget = \"200MB\"",
    ),
    toml(
        "size.line",
        "[image.api.budgets.lines]\n\"COPY --from=deps\" = \"50MB\"   # and those layers have 60.1 MB",
        "[image.api.budgets.lines]\n\"COPY --from=deps\" = \"70MB\"",
    ),
    toml(
        "size.folder",
        "[image.api.budgets.folders]\n\"/app\" = \"1MB\"   # and it has 3.2 MB in all layers",
        "[image.api.budgets.folders]\n\"/app\" = \"5MB\"",
    ),
    toml(
        "size.package",
        "[image.api.budgets.packages]\npip = \"40MB\"   # and they have 57.3 MB",
        "[image.api.budgets.packages]\npip = \"60MB\"",
    ),
    toml(
        "size.growth",
        "[image.api.budgets]\ngrowth = \"1MB\"   # and the build before had 3 MB less",
        "[image.api.budgets]\ngrowth = \"5MB\"",
    ),
    dockerfile("user.root", "FROM nginx:alpine", "FROM nginx:alpine\nUSER 1000:1000"),
    dockerfile("user.unknown", "FROM nginx:alpine\nUSER nobody-here", "FROM nginx:alpine\nUSER 1000:1000"),
    dockerfile("user.name", "FROM nginx:alpine\nUSER nobody", "FROM nginx:alpine\nUSER 65534:65534"),
    dockerfile("user.no-passwd", "FROM nginx:alpine\nUSER 4321", "FROM nginx:alpine\nUSER 65534"),
    dockerfile(
        "entrypoint.missing",
        "FROM nginx:alpine\nENTRYPOINT [\"/serve\"]",
        "FROM nginx:alpine\nRUN printf '#!/bin/sh\\n' >/serve && chmod 755 /serve\nENTRYPOINT [\"/serve\"]",
    ),
    dockerfile(
        "entrypoint.not-executable",
        "FROM nginx:alpine\nRUN printf '#!/bin/sh\\n' >/serve && chmod 644 /serve\nENTRYPOINT [\"/serve\"]",
        "FROM nginx:alpine\nRUN printf '#!/bin/sh\\n' >/serve && chmod 755 /serve\nENTRYPOINT [\"/serve\"]",
    ),
    dockerfile(
        "secret.env",
        "FROM nginx:alpine\nENV DB_PASSWORD=hunter2",
        "FROM nginx:alpine\n# The container gets it when it starts.",
    ),
    dockerfile("secret.label", "FROM nginx:alpine\nLABEL db_password=hunter2", "FROM nginx:alpine"),
    dockerfile(
        "secret.file",
        "FROM nginx:alpine\nRUN echo DB_PASSWORD=hunter2 >/app.env && mv /app.env /.env\nRUN rm /.env",
        "FROM nginx:alpine\nRUN --mount=type=secret,id=env,target=/.env true",
    ),
    dockerfile(
        "secret.history",
        "FROM nginx:alpine\nARG NPM_TOKEN=abcdef\nRUN true",
        "FROM nginx:alpine\nRUN --mount=type=secret,id=npm true",
    ),
    dockerfile(
        "file.setuid",
        "FROM nginx:alpine\nRUN printf x >/usr/bin/own && chmod 4755 /usr/bin/own",
        "FROM nginx:alpine\nRUN printf x >/usr/bin/own && chmod 755 /usr/bin/own",
    ),
    dockerfile(
        "file.writable",
        "FROM nginx:alpine\nRUN mkdir /data && chmod 777 /data",
        "FROM nginx:alpine\nRUN mkdir /data && chown 1000 /data",
    ),
    dockerfile(
        "file.cache",
        "FROM nginx:alpine\nRUN mkdir -p /root/.cache/pip && echo wheel >/root/.cache/pip/wheel",
        "FROM nginx:alpine\nRUN --mount=type=cache,target=/root/.cache/pip echo wheel >/root/.cache/pip/wheel",
    ),
    dockerfile(
        "file.tool",
        "FROM nginx:alpine\nRUN printf x >/usr/bin/gcc && chmod 755 /usr/bin/gcc && gcc=made && echo $gcc >/app",
        "FROM nginx:alpine AS build\nRUN printf x >/usr/bin/gcc && chmod 755 /usr/bin/gcc && echo made >/app\n\
         FROM nginx:alpine\nCOPY --from=build /app /app",
    ),
    toml(
        "allow.unused",
        "[[allow]]\nrule = \"file.setuid\"\nimage = \"api\"   # which has no such file any more\nreason = \"ping\"\n\
         until = \"2027-01-31\"",
        "# Remove it.",
    ),
    Example {
        rule: "base.unpinned",
        language: "dockerfile",
        fails: "FROM nginx:alpine",
        repair: "FROM nginx:alpine@sha256:…",
    },
    dockerfile(
        "healthcheck.missing",
        "FROM nginx:alpine",
        "FROM nginx:alpine\nHEALTHCHECK CMD [\"wget\", \"--spider\", \"http://localhost/health\"]",
    ),
    yaml(
        "pod.user",
        "securityContext: {runAsNonRoot: true, runAsUser: 0}",
        "securityContext: {runAsNonRoot: true, runAsUser: 1000}",
    ),
    yaml(
        "pod.entrypoint",
        "command: [\"/root/serve\"]   # which only root may execute",
        "command: [\"/usr/local/bin/serve\"]",
    ),
    yaml("pod.port", "ports: [{containerPort: 80}]", "ports: [{containerPort: 8080}]"),
    yaml(
        "pod.probe",
        "ports: [{containerPort: 8080}]\nreadinessProbe: {httpGet: {path: /health, port: 8000}}",
        "ports: [{containerPort: 8080}]\nreadinessProbe: {httpGet: {path: /health, port: 8080}}",
    ),
    yaml(
        "pod.writable",
        "securityContext: {readOnlyRootFilesystem: true}   # and run.writable = [\"/tmp\"]",
        "securityContext: {readOnlyRootFilesystem: true}\nvolumeMounts: [{name: tmp, mountPath: /tmp}]",
    ),
    yaml(
        "pod.secret",
        "env: [{name: KEY, valueFrom: {secretKeyRef: {name: app, key: kye}}}]   # and [secret.app] has `key`",
        "env: [{name: KEY, valueFrom: {secretKeyRef: {name: app, key: key}}}]",
    ),
    yaml("pod.pull", "imagePullPolicy: Always", "imagePullPolicy: IfNotPresent"),
    yaml(
        "pod.architecture",
        "nodeSelector: {kubernetes.io/arch: arm64}   # and the image is for amd64",
        "nodeSelector: {kubernetes.io/arch: amd64}",
    ),
    yaml(
        "pod.security",
        "securityContext: {allowPrivilegeEscalation: true}",
        "securityContext: {allowPrivilegeEscalation: false}",
    ),
    toml(
        "settings.drift",
        "[image.api.run]\nmemory = \"256MiB\"   # and the pod's limit is 512Mi",
        "# Say it in one place: what the settings leave open is taken from the pod.",
    ),
];

/// That of `rule`.
pub fn of(rule: &str) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.rule == rule)
}
